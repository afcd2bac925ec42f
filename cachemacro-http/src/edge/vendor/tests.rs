//! The requests, byte by byte, and what the vendors answer.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};

use super::*;
use crate::edge::answer::Answer;
use crate::edge::cdn::{Cdn, Limits};
use crate::edge::tag::TagKey;

const TOKEN: &str = "s3cr3t-t0ken";

fn tags(count: usize) -> Vec<Tag> {
    let key = TagKey::new("shop");
    (1..=count).map(|id| key.aggregate(&format!("user:{id}"))).collect()
}

fn fastly() -> Fastly {
    Fastly::service("SU1Z0isxPaozGVKXdv0eY").token(TOKEN)
}

fn cloudflare() -> Cloudflare {
    Cloudflare::zone("023e105f4ecef8ad9ca31a8372d0c353").token(TOKEN)
}

fn varnish() -> Varnish {
    Varnish::at("http://10.0.0.1:6081/").and_at("http://10.0.0.2:6081")
}

/// As it is sent, without what a client adds.
fn text(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    let mut text = format!("{} {}\n", request.method(), uri);
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\n", value.to_str().expect("ASCII"));
    }
    text + "\n" + std::str::from_utf8(request.body()).expect("a text")
}

fn of(cdn: &impl Cdn, status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    let answer = answer.body(Bytes::copy_from_slice(body.as_bytes())).expect("valid");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_452_032_000);
    cdn.answer(&tags(2), &answer, now)
}

fn refused(answer: Answer) -> String {
    match answer {
        Answer::Refused { reason } => reason,
        other => panic!("{other:?}"),
    }
}

fn failed(answer: Answer) -> String {
    match answer {
        Answer::Failed { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

fn limited(answer: Answer) -> Option<Duration> {
    match answer {
        Answer::Limited { after, .. } => after,
        other => panic!("{other:?}"),
    }
}

#[test]
fn fastly_golden() {
    let hard = "POST https://api.fastly.com/service/SU1Z0isxPaozGVKXdv0eY/purge\n\
        fastly-key: s3cr3t-t0ken\n\
        content-type: application/json\n\
        accept: application/json\n\
        \n\
        {\"surrogate_keys\":[\"TAG1\",\"TAG2\"]}";
    let hard = hard.replace("TAG1", tags(2)[0].as_str()).replace("TAG2", tags(2)[1].as_str());
    assert_eq!(text(&fastly().request(0, &tags(2))), hard);
    let soft = hard.replace("\n\n", "\nfastly-soft-purge: 1\n\n");
    assert_eq!(text(&fastly().soft_purge().request(0, &tags(2))), soft);
    assert_eq!((fastly().limits().tags_per_call, fastly().tag_header().most_bytes), (256, 16_384));
    assert_eq!((fastly().tag_header().name.as_str(), fastly().tag_header().separator), ("surrogate-key", " "));
    assert_eq!(fastly().lifetime_header(), "surrogate-control");
}

#[test]
fn cloudflare_golden() {
    let expected = "POST https://api.cloudflare.com/client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/purge_cache\n\
        authorization: Bearer s3cr3t-t0ken\n\
        content-type: application/json\n\
        accept: application/json\n\
        \n\
        {\"tags\":[\"TAG1\"]}";
    assert_eq!(text(&cloudflare().request(0, &tags(1))), expected.replace("TAG1", tags(1)[0].as_str()));
    assert_eq!((cloudflare().tag_header().name.as_str(), cloudflare().tag_header().separator), ("cache-tag", ","));
    assert_eq!(cloudflare().lifetime_header(), "cloudflare-cdn-cache-control");
    let plans = [Plan::Free, Plan::Pro, Plan::Business, Plan::Enterprise].map(|plan| {
        let Limits { tags_per_call, interval, burst, .. } = cloudflare().plan(plan).limits();
        (tags_per_call, interval.as_millis(), burst)
    });
    assert_eq!(plans, [(100, 12_000, 20), (100, 200, 20), (100, 100, 40), (100, 20, 400)]);
}

#[test]
fn varnish_golden() {
    let expected = format!("PURGE http://10.0.0.1:6081/\nxkey-purge: {} {}\n\n", tags(2)[0], tags(2)[1]);
    assert_eq!(varnish().endpoints(), 2);
    assert_eq!(text(&varnish().request(0, &tags(2))), expected);
    assert_eq!(text(&varnish().request(1, &tags(2))), expected.replace("0.0.1", "0.0.2"));
    assert_eq!(text(&varnish().soft_purge().request(0, &tags(2))), expected.replace("purge", "softpurge"));
    // A header of a request has 8 KiB by default.
    assert!(text(&varnish().request(0, &tags(256))).len() < 4_000);
}

#[test]
fn fastly_answers() {
    let cdn = fastly();
    let [first, second] = [tags(2)[0], tags(2)[1]];
    let whole = format!("{{\"{first}\":\"108-1391560174-974124\",\"{second}\":\"108-1391560174-974125\"}}");
    assert_eq!(of(&cdn, 200, &[], &whole), Answer::Done);
    assert_eq!(of(&cdn, 200, &[], "{\"status\":\"ok\",\"id\":\"108-1\"}"), Answer::Done);
    assert_eq!(of(&cdn, 200, &[], &format!("{{\"{first}\":\"108-1\"}}")), Answer::Partial(vec![second]));
    assert_eq!(failed(of(&cdn, 200, &[], &whole[..30])), "200 OK, but the answer is not whole");
    assert_eq!(failed(of(&cdn, 200, &[], "{}")), "200 OK, but the answer names none of the tags");
    assert_eq!(
        refused(of(&cdn, 401, &[], "{\"msg\":\"Provided credentials are missing or invalid\"}")),
        "401 Unauthorized (is the token right, and may it purge?): Provided credentials are missing or invalid"
    );
    assert_eq!(
        refused(of(&cdn, 404, &[], "{\"msg\":\"Record not found\",\"detail\":\"Cannot load service\"}")),
        "404 Not Found (is the identifier right?): Cannot load service"
    );
    assert_eq!(refused(of(&cdn, 400, &[], "")), "400 Bad Request");
    assert_eq!(failed(of(&cdn, 503, &[], "<html>")), "503 Service Unavailable");
    let reset = [("fastly-ratelimit-remaining", "0"), ("fastly-ratelimit-reset", "1452032384")];
    assert_eq!(limited(of(&cdn, 429, &reset, "")), Some(Duration::from_secs(384)));
    let both = [("fastly-ratelimit-reset", "1452032384"), ("retry-after", "3")];
    assert_eq!(limited(of(&cdn, 429, &both, "")), Some(Duration::from_secs(3)));
    assert_eq!(limited(of(&cdn, 429, &[], "")), None);
}

#[test]
fn cloudflare_answers() {
    let cdn = cloudflare();
    let done =
        "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":{\"id\":\"023e105f4ecef8ad9ca31a8372d0c353\"}}";
    assert_eq!(of(&cdn, 200, &[], done), Answer::Done);
    let error =
        "{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"Authentication error\"}],\"result\":null}";
    assert_eq!(failed(of(&cdn, 200, &[], error)), "200 OK without success: Authentication error");
    assert_eq!(failed(of(&cdn, 200, &[], &done[..20])), "200 OK, but the answer is not whole");
    assert_eq!(
        refused(of(&cdn, 403, &[], error)),
        "403 Forbidden (is the token right, and may it purge?): Authentication error"
    );
    assert_eq!(limited(of(&cdn, 429, &[("retry-after", "12")], error)), Some(Duration::from_secs(12)));
    assert_eq!(failed(of(&cdn, 502, &[], "")), "502 Bad Gateway");
}

#[test]
fn varnish_answers() {
    let cdn = varnish();
    assert_eq!(of(&cdn, 200, &[("xkey-purged", "0")], ""), Answer::Done);
    // An origin may answer 200 to any method.
    assert!(refused(of(&cdn, 200, &[], "")).contains("Varnish::VCL"));
    assert!(refused(of(&cdn, 405, &[], "")).contains("Varnish::VCL"));
    assert!(refused(of(&cdn, 403, &[], "")).contains("purgers"));
    assert_eq!(failed(of(&cdn, 503, &[("xkey-purged", "1")], "")), "503 Service Unavailable");
}

#[test]
fn a_token_is_not_shown() {
    let debug = format!("{:?} {:?}", fastly(), cloudflare());
    assert!(!debug.contains(TOKEN), "{debug}");
    let requests = format!("{:?} {:?}", fastly().request(0, &tags(1)), cloudflare().request(0, &tags(1)));
    assert!(!requests.contains(TOKEN), "{requests}");
    let echoed = format!("{{\"msg\":\"{TOKEN} is wrong\"}}");
    assert_eq!(refused(of(&fastly(), 400, &[], &echoed)), "400 Bad Request: … is wrong");
    let echoed = format!("{{\"errors\":[{{\"message\":\"Bearer {TOKEN} is wrong\"}}]}}");
    assert_eq!(refused(of(&cloudflare(), 400, &[], &echoed)), "400 Bad Request: Bearer … is wrong");
}

#[test]
fn wrong_settings_are_one_error() {
    let message = |cdn: &dyn Cdn| cdn.check().expect_err("it is wrong").to_string();
    assert_eq!(
        message(&Fastly::service("SU1Z").token_from_env("CACHEMACRO_NOT_SET")),
        "the environment variable `CACHEMACRO_NOT_SET` is not set, or empty: it has to be the API token of the Fastly service `SU1Z`"
    );
    assert_eq!(
        message(&Cloudflare::zone("ab12")),
        "the API token of the Cloudflare zone `ab12` is missing: name the environment variable that has it with `.token_from_env(\"…\")`"
    );
    assert_eq!(
        message(&fastly().token("two\nlines")),
        "what is in `token` cannot be the API token of the Fastly service `SU1Z0isxPaozGVKXdv0eY`: a token is one line of visible characters"
    );
    assert!(message(&Cloudflare::zone("example.com").token("a")).contains("not the name of the domain"));
    assert!(message(&Fastly::service("").token("a")).contains("not the identifier of a Fastly service"));
    for address in ["10.0.0.1:6081", "http://", "http://a/b", ""] {
        assert!(message(&Varnish::at(address)).contains("is not the address of a Varnish"), "{address}");
    }
    // Files of secrets end with a line feed.
    assert!(fastly().token("abc\n").check().is_ok() && cloudflare().check().is_ok() && varnish().check().is_ok());
}
