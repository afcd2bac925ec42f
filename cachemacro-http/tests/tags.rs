//! Random histories of a service and of those who ask it, with tags that others were given: 304 is answered only to who has what the handler would send.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cachemacro::http::{self, CacheHeaders};
use cachemacro::testing::{FaultyStore, ReferenceStore};
use cachemacro::{Cache, CacheEvent, CacheMode, ManualClock, Memory, cached};
use http_body_util::BodyExt;
use proptest::collection::vec;
use proptest::prelude::*;
use tower::ServiceExt;

#[derive(Clone, CacheEvent)]
#[event(name = "org.changed", key = "org:<org>", version = version)]
struct OrgChanged {
    org: u64,
    version: u64,
}

const FLAG: HeaderName = HeaderName::from_static("x-flag");

/// A process of the service.
#[derive(Clone)]
struct App {
    cache: Cache,
    /// What is in the database: the rows of organisation 0 and 1, of which there are none below 3.
    rows: Arc<[AtomicU64; 2]>,
    version: Arc<AtomicU64>,
    /// How often the templates were changed.
    template: u64,
}

impl App {
    #[cached(key = "page:<org>:<number>", invalidated_by(OrgChanged { org }), hard_ttl = "60s", negative_ttl = "20s", browser_ttl = "30s", jitter = "0%", cache = &self.cache)]
    async fn page(&self, org: u64, number: u64) -> Option<String> {
        let row = self.row(org);
        (row > 3).then(|| format!("row {row}, page {number}"))
    }

    #[cached(key = "title:<org>", invalidated_by(OrgChanged { org }), soft_ttl = "20s", hard_ttl = "90s", refresh = inline, jitter = "0%", cache = &self.cache)]
    async fn title(&self, org: u64) -> Result<String, String> {
        let row = self.row(org);
        if row.is_multiple_of(5) { Err("the database is busy".to_owned()) } else { Ok(format!("title {row}")) }
    }

    #[cached(key = "menu:<org>", ttl_only = "a test", hard_ttl = "45s", jitter = "0%", cache = &self.cache)]
    async fn menu(&self, org: u64) -> String {
        format!("menu of {:?}", self.page(org, 0).await)
    }

    fn row(&self, org: u64) -> u64 {
        self.rows[usize::from(org == 1)].load(SeqCst)
    }
}

/// What a request says beside its URL.
struct Said {
    session: String,
    flag: String,
    language: String,
}

impl Said {
    fn of(headers: &HeaderMap) -> Self {
        let value = |name| headers.get(name).map_or("", |value| value.to_str().expect("ASCII")).to_owned();
        Self { session: value(COOKIE), flag: value(FLAG), language: value(ACCEPT_LANGUAGE) }
    }

    fn parts(&self) -> [&str; 3] {
        [&self.session, &self.flag, &self.language]
    }
}

/// All that a response may show.
async fn render(app: &App, org: u64, number: u64, said: &Said, before: impl FnOnce() -> Option<Response>) -> Response {
    let (page, title, menu) = (app.page(org, number).await, app.title(org).await, app.menu(org).await);
    if let Some(response) = before() {
        return response;
    }
    let Some(page) = page else { return StatusCode::NOT_FOUND.into_response() };
    let Ok(title) = title else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    format!("template {}: {title}, {page}, {menu}, for {:?}", app.template, said.parts()).into_response()
}

/// With a tag of the body.
async fn plain(State(app): State<App>, Path((org, number)): Path<(u64, u64)>, headers: HeaderMap) -> Response {
    render(&app, org, number, &Said::of(&headers), || None).await
}

/// With a tag of versions and of all else.
async fn quick(State(app): State<App>, Path((org, number)): Path<(u64, u64)>, headers: HeaderMap) -> Response {
    let said = Said::of(&headers);
    render(&app, org, number, &said, || http::not_modified_with(&said.parts()).map(IntoResponse::into_response)).await
}

/// Of which nothing is said but what `Vary` and the principal say.
async fn varied(State(app): State<App>, Path((org, number)): Path<(u64, u64)>, headers: HeaderMap) -> Response {
    let mut response = render(&app, org, number, &Said::of(&headers), || None).await;
    response.headers_mut().append(VARY, "x-flag, accept-language".parse().expect("a value"));
    response
}

/// As both.
async fn varied_quick(State(app): State<App>, Path((org, number)): Path<(u64, u64)>, headers: HeaderMap) -> Response {
    let said = Said::of(&headers);
    // The principal and `Vary` say the rest.
    let mut response =
        render(&app, org, number, &said, || http::not_modified_with(&said.parts()).map(IntoResponse::into_response))
            .await;
    response.headers_mut().append(VARY, "x-flag, accept-language".parse().expect("a value"));
    response
}

/// The same page for all, under a URL of which the organisation was cut off.
async fn of_all(State(app): State<App>, Path((org, number)): Path<(u64, u64)>) -> Response {
    render(&app, org, number, &Said::of(&HeaderMap::new()), http_not_modified).await
}

fn http_not_modified() -> Option<Response> {
    http::not_modified().map(IntoResponse::into_response)
}

/// As what it is asked for, without saying so before rendering.
async fn negotiated(State(app): State<App>, Path((org, number)): Path<(u64, u64)>, headers: HeaderMap) -> Response {
    let said = Said { session: String::new(), flag: String::new(), ..Said::of(&headers) };
    let mut response = render(&app, org, number, &said, http_not_modified).await;
    response.headers_mut().append(VARY, "Origin, Accept-Language".parse().expect("a value"));
    response
}

const KINDS: [&str; 7] = ["plain", "quick", "varied", "varied-quick", "of-all", "of-all-before", "negotiated"];

impl App {
    /// With the layer, and without.
    fn routers(&self) -> [Router; 2] {
        let layer = CacheHeaders::new().build_id(self.template.to_string());
        let before = layer.clone().not_modified_before_handler(|request| {
            let session = request.headers.get(COOKIE);
            Some(session.map_or("", |session| session.to_str().expect("ASCII")).to_owned())
        });
        let same = layer.clone().not_modified_before_handler(|_| Some(String::new()));
        [Some((layer, before, same)), None].map(|layers| {
            let route = |handler: axum::routing::MethodRouter<Self>, layer: Option<&CacheHeaders>| match layer {
                Some(layer) => handler.layer(layer.clone()),
                None => handler,
            };
            let (layer, before, same) = match &layers {
                Some((layer, before, same)) => (Some(layer), Some(before), Some(same)),
                None => (None, None, None),
            };
            // What is nested has one URL in all organisations.
            let nested = Router::new()
                .route("/of-all/{number}", route(get(of_all), layer))
                .route("/of-all-before/{number}", route(get(of_all), same))
                .route("/negotiated/{number}", route(get(negotiated), layer))
                .route("/plain/{number}", route(get(plain), layer))
                .route("/quick/{number}", route(get(quick), layer))
                .route("/varied/{number}", route(get(varied), before))
                .route("/varied-quick/{number}", route(get(varied_quick), before));
            Router::new().nest("/{org}", nested).with_state(self.clone())
        })
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Time passes, in seconds.
    Passes(u64),
    /// The row changes, with its event or without.
    Changes {
        org: u64,
        is_told: bool,
    },
    Deploy,
    Clear,
    /// A function is switched off, or on again.
    Switch {
        function: &'static str,
        is_off: bool,
    },
    Ask(Ask),
}

/// A request, with a tag that the URL had at some time.
#[derive(Clone, Debug)]
struct Ask {
    process: usize,
    kind: &'static str,
    org: u64,
    number: u64,
    session: &'static str,
    flag: &'static str,
    language: &'static str,
    tag: usize,
    refreshes: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let names = prop::sample::select(&["", "a", "b"][..]);
    let ask = (
        0_usize..2,
        prop::sample::select(&KINDS[..]),
        0_u64..2,
        0_u64..2,
        names.clone(),
        names.clone(),
        names,
        0_usize..1000,
        prop::bool::weighted(0.05),
    );
    let ask = ask.prop_map(|(process, kind, org, number, session, flag, language, tag, refreshes)| {
        Step::Ask(Ask { process, kind, org, number, session, flag, language, tag, refreshes })
    });
    prop_oneof![
        2 => (1_u64..40).prop_map(Step::Passes),
        2 => (0_u64..2, any::<bool>()).prop_map(|(org, is_told)| Step::Changes { org, is_told }),
        1 => Just(Step::Deploy),
        1 => Just(Step::Clear),
        1 => (prop::sample::select(&["page", "title", "menu"][..]), prop::bool::weighted(0.3))
            .prop_map(|(function, is_off)| Step::Switch { function, is_off }),
        30 => ask,
    ]
}

/// Where entries are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Memory,
    Shared,
    /// Shared, with copies in each process.
    Near,
}

/// The processes of a service, and what its URLs have answered.
struct World {
    place: Place,
    apps: Vec<App>,
    routers: Vec<[Router; 2]>,
    clock: ManualClock,
    /// The bodies by URL and tag, in the order of the answers.
    bodies: HashMap<String, Vec<(String, String)>>,
    not_modified: u64,
}

async fn send(router: &Router, ask: &Ask, url: &str, tag: Option<&str>) -> (StatusCode, Option<String>, String) {
    let mut request = Request::get(url);
    for (name, value) in [(COOKIE, ask.session), (FLAG, ask.flag), (ACCEPT_LANGUAGE, ask.language)] {
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    if let Some(tag) = tag {
        request = request.header(IF_NONE_MATCH, tag);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).expect("a request"));
    let response = if ask.refreshes { CacheMode::Refresh.scope(response).await } else { response.await };
    let (head, body) = response.expect("infallible").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let tag = head.headers.get(ETAG).map(|tag| tag.to_str().expect("ASCII").to_owned());
    (head.status, tag, String::from_utf8(body.to_vec()).expect("UTF-8"))
}

impl World {
    fn new(place: Place) -> Self {
        let clock = ManualClock::default();
        let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
        let store = FaultyStore::new(inside.shared(), clock.clone());
        let cache = || {
            let builder = Cache::builder().namespace("tags").clock(clock.clone());
            match place {
                Place::Memory => builder.build(),
                Place::Shared => builder.shared(store.clone()).build(),
                Place::Near => builder.memory(Memory::entries(100)).shared(store.clone()).build(),
            }
        };
        let (rows, version) = (Arc::new([AtomicU64::new(11), AtomicU64::new(2)]), Arc::new(AtomicU64::new(0)));
        let app = || App { cache: cache(), rows: Arc::clone(&rows), version: Arc::clone(&version), template: 1 };
        let apps: Vec<_> = (0..if place == Place::Memory { 1 } else { 2 }).map(|_| app()).collect();
        let routers = apps.iter().map(App::routers).collect();
        Self { place, apps, routers, clock, bodies: HashMap::new(), not_modified: 0 }
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let app = &self.apps[0];
        match step {
            Step::Passes(seconds) => self.clock.advance(Duration::from_secs(seconds)),
            Step::Changes { org, is_told } => {
                let row = &app.rows[usize::from(org == 1)];
                // Rows come back as they were.
                row.store((row.load(SeqCst) + 3) % 13, SeqCst);
                if is_told {
                    let version = app.version.fetch_add(1, SeqCst) + 1;
                    app.cache.publish(OrgChanged { org, version }).await.expect("the store is up");
                }
            }
            Step::Deploy => {
                self.apps.iter_mut().for_each(|app| app.template += 1);
                self.routers = self.apps.iter().map(App::routers).collect();
            }
            // Another process hears of these some time later.
            Step::Clear | Step::Switch { .. } if self.place != Place::Memory => {}
            Step::Clear => app.cache.clear(),
            Step::Switch { function, is_off } => {
                let switched =
                    if is_off { app.cache.disable_function(function) } else { app.cache.enable_function(function) };
                switched.expect("it is a function of this program");
            }
            Step::Ask(ask) => self.ask(&ask).await?,
        }
        self.settle().await;
        Ok(())
    }

    /// Lets all tasks run: those that follow the announcements of other processes.
    async fn settle(&self) {
        if self.place == Place::Near {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn ask(&mut self, ask: &Ask) -> Result<(), TestCaseError> {
        let url = format!("/{}/{}/{}", ask.org, ask.kind, ask.number);
        let known = self.bodies.entry(url.clone()).or_default();
        let sent = (!known.is_empty()).then(|| known[ask.tag % known.len()].clone());
        let routers = &self.routers[ask.process % self.routers.len()];
        let (status, tag, body) = send(&routers[0], ask, &url, sent.as_ref().map(|(tag, _)| &**tag)).await;
        // Whatever was served is served once more, by the same clock; but not loaded again.
        let again = Ask { refreshes: false, ..ask.clone() };
        let (_, _, expected) = send(&routers[1], &again, &url, None).await;
        if status == StatusCode::NOT_MODIFIED {
            self.not_modified += 1;
            let (sent, body) = sent.expect("only who has a tag gets it");
            prop_assert_eq!(tag, Some(sent));
            prop_assert_eq!(body, expected, "{} has another body", url);
            return Ok(());
        }
        // A refresh that fails has no answer, and the entry stays.
        prop_assert!(body == expected || ask.refreshes, "{body} {expected}");
        prop_assert_eq!(tag.is_some(), status == StatusCode::OK);
        let Some(tag) = tag else { return Ok(()) };
        match known.iter().find(|(other, _)| *other == tag) {
            Some((_, other)) => prop_assert_eq!(other, &body, "two bodies of {} have one tag", url),
            None => known.push((tag, body)),
        }
        Ok(())
    }
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_tag_is_of_one_body_and_known_only_while_the_handler_would_send_it(
        place in prop::sample::select(&[Place::Memory, Place::Shared, Place::Near][..]),
        steps in vec(step(), 20..80),
    ) {
        run(async {
            let mut world = World::new(place);
            for step in steps {
                world.step(step).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

/// What is looked for is there to be found.
#[test]
fn each_kind_is_answered_304() {
    run(async {
        for (place, kind) in
            [Place::Memory, Place::Shared, Place::Near].into_iter().flat_map(|place| KINDS.map(|kind| (place, kind)))
        {
            let mut world = World::new(place);
            for process in 0..world.apps.len() {
                let (session, flag, language) = ("a", "b", "");
                let ask = Ask { process, kind, org: 0, number: 1, session, flag, language, tag: 0, refreshes: false };
                for _ in 0..3 {
                    world.step(Step::Ask(ask.clone())).await.expect("it holds");
                }
            }
            // Processes that share a store share tags.
            let expected = if place == Place::Memory { 2 } else { 5 };
            assert_eq!(world.not_modified, expected, "{place:?} {kind}");
        }
    });
}
