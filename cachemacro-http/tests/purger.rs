//! Purges over real connections, to servers that answer as the vendors do.

#![cfg(feature = "edge-client")]

mod cdn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cachemacro_http::edge::{
    Cloudflare, EdgeClient, Fastly, Limits, Moved, Plan, PurgeStats, Purger, Sending, TagKey, Varnish,
};
use cdn::{Reply, Server, answer, cloudflare_done};
use http::{Request, Response};
use tokio::time::timeout;

const TOKEN: &str = "s3cr3t-t0ken";
const FETCH: Duration = Duration::from_millis(300);

fn key() -> TagKey {
    TagKey::new("shop")
}

fn cloudflare(server: &Server) -> Cloudflare {
    Cloudflare::zone("ab12").token(TOKEN).plan(Plan::Enterprise).api(&server.address).fetch_timeout(FETCH)
}

fn purger(server: &Server) -> Purger {
    Purger::builder(key()).cdn(cloudflare(server)).call_timeout(Duration::from_millis(400)).start().expect("it starts")
}

/// Purges one aggregate, and waits until that is done.
async fn purge(purger: &Purger) -> Duration {
    let start = Instant::now();
    let ticket = purger.moved(["user:7"]);
    timeout(Duration::from_secs(20), purger.done(ticket)).await.expect("it is done");
    start.elapsed()
}

fn only(purger: &Purger) -> PurgeStats {
    let stats = purger.stats();
    assert_eq!(stats.len(), 1);
    stats[0].clone()
}

/// What is sent over the connection, all of it.
#[tokio::test]
async fn requests_are_sent_as_they_are() {
    let server = Server::with([]).await;
    let took = purge(&purger(&server)).await;
    let taken = server.taken();
    let mut tags = [key().aggregate("user:7"), key().crowded("user")];
    tags.sort();
    assert_eq!(taken.len(), 2, "the purge and its repetition");
    for request in &taken {
        assert_eq!(request.line, "POST /client/v4/zones/ab12/purge_cache HTTP/1.1");
        let headers = [
            "authorization: Bearer s3cr3t-t0ken",
            "content-type: application/json",
            "accept: application/json",
            "content-length: 40",
        ];
        assert_eq!(request.headers, headers);
        assert_eq!(request.body, format!("{{\"tags\":[\"{}\",\"{}\"]}}", tags[0], tags[1]));
    }
    assert!(took >= FETCH && taken[1].at - taken[0].at >= FETCH / 2);
}

#[tokio::test]
async fn fastly_answers_with_the_tags() {
    let server = Server::start(|taken| {
        let purged: Vec<_> = taken.tags().iter().map(|tag| format!("\"{tag}\":\"108-1\"")).collect();
        answer("200 OK", "", &format!("{{{}}}", purged.join(",")))
    })
    .await;
    let fastly = Fastly::service("SU1Z").token(TOKEN).api(&server.address).fetch_timeout(FETCH).soft_purge();
    let purger = Purger::builder(key()).cdn(fastly).start().expect("it starts");
    purge(&purger).await;
    let taken = server.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].line, "POST /service/SU1Z/purge HTTP/1.1");
    assert!(taken[0].headers.contains(&"fastly-key: s3cr3t-t0ken".to_owned()));
    assert!(taken[0].headers.contains(&"fastly-soft-purge: 1".to_owned()));
}

#[tokio::test]
async fn each_varnish_is_purged_and_one_that_is_down_holds_up_no_other() {
    let done = || answer("200 OK", "xkey-purged: 1\r\n", "");
    let (up, down) = (Server::start(move |_| done()).await, Server::start(|_| Reply::Close).await);
    let varnish = Varnish::at(&up.address).and_at(&down.address).fetch_timeout(FETCH);
    let purger = Purger::builder(key()).cdn(varnish).start().expect("it starts");
    let ticket = purger.moved(["user:7"]);
    let waits = timeout(Duration::from_secs(1), purger.done(ticket)).await;
    assert!(waits.is_err(), "one server is not purged");
    let [first, second] = &purger.stats()[..] else { panic!("two servers") };
    assert_eq!((first.cdn.as_str(), second.cdn.as_str()), ("varnish/0", "varnish/1"));
    assert_eq!((first.queue.depth, first.queue.purged, first.failed), (0, 4, 0));
    assert!(second.queue.depth == 2 && second.failed >= 2 && second.trouble.is_some(), "{second:?}");
    assert_eq!(up.taken()[0].line, "PURGE / HTTP/1.1");
    assert_eq!(up.taken()[0].tags().len(), 2);
}

/// Each trouble once, and then a CDN that answers: the purge is done, and it is known what happened.
#[tokio::test]
async fn storms_end() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"success\":true";
    let cut = answer("200 OK", "", "{\"success\":tr");
    let troubles = [
        (answer("500 Internal Server Error", "", "oops"), "500 Internal Server Error"),
        (answer("503 Service Unavailable", "retry-after: 1\r\n", ""), "503 Service Unavailable"),
        (Reply::Half(half.to_owned()), ""),
        (Reply::Half("HTTP/1.1 200".to_owned()), ""),
        (Reply::Close, ""),
        (cut, "200 OK, but the answer is not whole"),
        (Reply::After(Duration::from_millis(900), Box::new(cloudflare_done())), "no answer within 400ms"),
        (
            answer("200 OK", "", "{\"success\":false,\"errors\":[{\"message\":\"busy\"}]}"),
            "200 OK without success: busy",
        ),
    ];
    for (trouble, reason) in troubles {
        let server = Server::with([trouble.clone(), trouble.clone()]).await;
        let purger = purger(&server);
        let ticket = purger.moved(["user:7"]);
        let is_in_trouble = async {
            while only(&purger).failed < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), is_in_trouble).await.expect("it fails twice");
        let text = only(&purger).trouble.expect("it is told");
        assert!(text.starts_with(reason) && !text.contains(TOKEN), "{trouble:?}: {text}");
        timeout(Duration::from_secs(10), purger.done(ticket)).await.expect("it is done");
        let stats = only(&purger);
        assert_eq!(
            (stats.failed, stats.queue.failed, stats.trouble, stats.queue.depth),
            (2, 2, None, 0),
            "{trouble:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_is_refused() {
    let server = Server::with([]).await;
    let cdn = cloudflare(&server);
    drop(server);
    let purger = Purger::builder(key()).cdn(cdn).start().expect("it starts");
    purger.moved(["user:7"]);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let stats = only(&purger);
    assert!((2..=5).contains(&stats.failed), "{stats:?}");
    assert!(stats.trouble.expect("it is told").to_lowercase().contains("refused"));
    assert!(stats.queue.oldest > Duration::from_secs(1));
}

#[tokio::test]
async fn a_429_is_left_alone_for_as_long_as_it_says() {
    let server =
        Server::with([answer("429 Too Many Requests", "retry-after: 1\r\n", "{\"success\":false,\"errors\":[]}")])
            .await;
    let purger = purger(&server);
    purge(&purger).await;
    let taken = server.taken();
    assert!(taken[1].at - taken[0].at >= Duration::from_secs(1));
    let stats = only(&purger);
    assert_eq!((stats.limited, stats.failed), (1, 0));
}

/// A wrong token: no flood of calls, and the queue takes all that comes.
#[tokio::test]
async fn a_wrong_token_is_one_trouble() {
    let server = Server::start(|_| {
        answer(
            "403 Forbidden",
            "",
            "{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"Authentication error\"}]}",
        )
    })
    .await;
    let purger = purger(&server);
    for id in 0..50_000 {
        purger.moved([&*format!("user:{id}")]);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stats = only(&purger);
    assert_eq!(
        stats.trouble.as_deref(),
        Some("403 Forbidden (is the token right, and may it purge?): Authentication error")
    );
    assert!((1..=8).contains(&stats.refused), "{stats:?}");
    assert!(stats.queue.depth <= 10_000 && stats.queue.to_kind > 0);
    assert_eq!(purger.done_up_to().number(), 0);
}

#[tokio::test]
async fn a_partial_answer_is_repeated_for_the_rest() {
    let server = Server::start(|taken| {
        let tags = taken.tags();
        answer("200 OK", "", &format!("{{\"{}\":\"108-1\"}}", tags[0]))
    })
    .await;
    let fastly = Fastly::service("SU1Z").token(TOKEN).api(&server.address).fetch_timeout(FETCH);
    let purger = Purger::builder(key()).cdn(fastly).start().expect("it starts");
    purge(&purger).await;
    let lengths: Vec<_> = server.taken().iter().map(|taken| taken.tags().len()).collect();
    assert_eq!(lengths[..2], [2, 1]);
}

#[tokio::test]
async fn a_shutdown_sends_what_is_due() {
    let server = Server::with([]).await;
    let purger = Purger::builder(key())
        .cdn(cloudflare(&server).fetch_timeout(Duration::from_secs(60)))
        .start()
        .expect("it starts");
    let ticket = purger.moved((0..250).map(|id| ["user:1", "user:2", "city:1", "order:1"][id % 4]));
    let start = Instant::now();
    let left = purger.shutdown(Duration::from_secs(5)).await;
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!((left.tags, left.done_up_to < ticket), (7, true));
    assert_eq!(server.taken().iter().map(|taken| taken.tags().len()).sum::<usize>(), 7);
    // It is at its end.
    purger.moved(["user:8"]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn a_shutdown_has_a_limit() {
    let server = Server::start(|_| Reply::Close).await;
    let purger = purger(&server);
    purger.moved(["user:7"]);
    let start = Instant::now();
    let left = purger.shutdown(Duration::from_millis(700)).await;
    assert!((700..4_000).contains(&start.elapsed().as_millis()));
    assert_eq!(left.tags, 2);
}

struct Panics(Mutex<u32>);

impl EdgeClient for Panics {
    fn send(&self, _: Request<Bytes>) -> Sending<'_> {
        Box::pin(async {
            let calls = {
                let mut calls = self.0.lock().unwrap();
                *calls += 1;
                *calls
            };
            assert!(calls > 1, "the first call panics, as the test says");
            Ok(Response::new(Bytes::from_static(b"{\"success\":true}")))
        })
    }
}

#[tokio::test]
async fn a_client_that_panics_loses_nothing() {
    let cdn = Cloudflare::zone("ab12").token(TOKEN).fetch_timeout(FETCH);
    let purger = Purger::builder(key()).cdn(cdn).client(Panics(Mutex::new(0))).start().expect("it starts");
    purge(&purger).await;
    assert_eq!(only(&purger).failed, 1);
}

#[tokio::test]
async fn a_function_is_a_client() {
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let client = move |_: Request<Bytes>| {
        *counted.lock().unwrap() += 1;
        async { Ok::<_, std::io::Error>(Response::new(Bytes::from_static(b"{\"success\":true}"))) }
    };
    let cdn = Cloudflare::zone("ab12").token(TOKEN).fetch_timeout(FETCH).shield();
    let purger = Purger::builder(key()).cdn(cdn).client(client).start().expect("it starts");
    let took = purge(&purger).await;
    assert_eq!(*calls.lock().unwrap(), 3);
    assert!(took >= FETCH * 2);
}

#[tokio::test]
async fn several_cdns_have_one_ticket() {
    let (first, second) = (Server::with([]).await, Server::with([answer("500 Oops", "", "")]).await);
    let purger = Purger::builder(key()).cdn(cloudflare(&first)).cdn(cloudflare(&second)).start().expect("it starts");
    let took = purge(&purger).await;
    assert!(took >= FETCH);
    assert_eq!((first.taken().len(), second.taken().len()), (2, 3));
    let names: Vec<_> = purger.stats().into_iter().map(|stats| stats.cdn).collect();
    assert_eq!(names, ["cloudflare", "cloudflare-2"]);
}

#[test]
fn wrong_settings_do_not_start() {
    let message =
        |builder: cachemacro_http::edge::PurgerBuilder| builder.start().expect_err("it does not start").to_string();
    assert!(message(Purger::builder(key())).contains("inside of its runtime"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    assert_eq!(message(Purger::builder(key())), "a purger needs a CDN: name it with `.cdn(…)`");
    let fastly = Fastly::service("SU1Z").token_from_env("CACHEMACRO_NOT_SET");
    assert!(message(Purger::builder(key()).cdn(fastly)).contains("`CACHEMACRO_NOT_SET` is not set"));
}

/// 10,000 events a second for three seconds, against a server that counts as Cloudflare does: 5 calls a second, 25 at once. It answers 429 to what is over, and checks each request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_events_a_second() {
    let bucket = Mutex::new((25.0_f64, Instant::now()));
    let server = Server::start(move |taken| {
        let mut bucket = bucket.lock().unwrap();
        let (tokens, at) = *bucket;
        let tokens = (tokens + at.elapsed().as_secs_f64() * 5.0).min(25.0);
        let is_whole = taken.line.starts_with("POST /client/v4/zones/ab12/purge_cache ") && taken.tags().len() <= 100;
        if !is_whole {
            return answer("400 Bad Request", "", "{}");
        }
        *bucket = if tokens >= 1.0 { (tokens - 1.0, Instant::now()) } else { (tokens, Instant::now()) };
        if tokens >= 1.0 {
            Reply::After(Duration::from_millis(50), Box::new(cloudflare_done()))
        } else {
            answer("429 Too Many Requests", "retry-after: 1\r\n", "{\"success\":false,\"errors\":[]}")
        }
    })
    .await;
    let fetch = Duration::from_secs(2);
    let cdn = Cloudflare::zone("ab12").token(TOKEN).plan(Plan::Pro).api(&server.address).fetch_timeout(fetch);
    let purger = Purger::builder(key()).cdn(cdn).start().expect("it starts");
    let bound = purger.bound(Duration::from_millis(250));
    let (mut moved, mut ticket, mut most) = (BTreeMap::new(), purger.done_up_to(), 0);
    let start = Instant::now();
    for id in 0..30_000_u32 {
        let name = format!("{}:{}", ["user", "order"][id as usize % 2], id % 20_000);
        ticket = purger.moved([&*name]);
        moved.insert(name, Instant::now());
        if id % 100 == 99 {
            most = most.max(only(&purger).queue.depth);
            let due = start + Duration::from_millis(u64::from(id + 1) / 10);
            tokio::time::sleep_until(due.into()).await;
        }
    }
    let end = Instant::now();
    timeout(bound.last + Duration::from_secs(1), purger.done(ticket)).await.expect("within the bound");
    let (took, stats, taken) = (end.elapsed(), only(&purger), server.taken());
    println!("done {took:?} after the last event, of {:?}; depth {most}, {} calls, {stats:?}", bound.last, taken.len());
    assert!(most <= 2_500 && stats.queue.depth == 0);
    assert_eq!((stats.failed, stats.refused, stats.limited), (0, 0, 0), "the rate is kept");
    assert!(stats.queue.oldest <= bound.first);
    // Nothing is lost: a purge began after each event, and one a fetch timeout later. All were answered with success.
    let mut last: BTreeMap<String, Instant> = BTreeMap::new();
    for request in &taken {
        last.extend(request.tags().into_iter().map(|tag| (tag, request.at)));
    }
    let key = key();
    for (name, time) in moved {
        let tags = [key.aggregate(&name), key.kind(&name), key.namespace()].map(|tag| tag.to_string());
        let purged = tags.iter().filter_map(|tag| last.get(tag)).max().expect("it was purged");
        assert!(*purged >= time + fetch, "{name}");
    }
    assert!(took <= bound.last);
}

#[test]
fn what_has_moved_is_three_tags() {
    let all: BTreeSet<_> =
        [Moved::new(&key(), "user:7"), Moved::new(&key(), "user:7")].map(|moved| format!("{moved:?}")).into();
    assert_eq!(all.len(), 1);
    assert_eq!(Limits::new(100, 5, Duration::from_secs(1), 0).burst, 1);
}
