//! Which errors are absences, and what a cached absence returns.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use async_trait::async_trait;
use axum::http::StatusCode;
use cachemacro::{cached, strategy};

/// How often each body ran, by the name of its function.
macro_rules! loads {
    ($($name:ident)*) => {$(
        #[allow(non_upper_case_globals)]
        static $name: AtomicU32 = AtomicU32::new(0);
    )*};
}

/// The returned values of two calls, and how many loads they took.
macro_rules! twice {
    ($count:ident, $call:expr) => {{
        let before = $count.load(SeqCst);
        let texts = (format!("{:?}", $call), format!("{:?}", $call));
        (texts, $count.load(SeqCst) - before)
    }};
}

/// A cached absence is made again by `absent_as`, so it may differ from the error that was loaded.
fn absence(loaded: &str, made: &str) -> ((String, String), u32) {
    ((format!("Err({loaded})"), format!("Err({made})")), 1)
}

fn error(text: &str) -> ((String, String), u32) {
    ((format!("Err({text})"), format!("Err({text})")), 2)
}

loads! { OF_STATUS OF_STRUCT OF_TUPLE OF_GUARD OF_BOXED OF_PATH OF_TEXT OF_SEVERAL OF_SYNC OF_METHOD OF_ARGUMENT OF_IO }

const ABSENT: u64 = 0;

#[derive(Debug)]
#[allow(dead_code)]
enum RepoError {
    NotFound(u64),
    Http { status: u16, url: String },
    Why(&'static str),
}

impl RepoError {
    fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

#[cached(key = "status:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s", not_found = StatusCode::NOT_FOUND)]
async fn of_status(id: u64) -> Result<u64, StatusCode> {
    OF_STATUS.fetch_add(1, SeqCst);
    Err(if id == ABSENT { StatusCode::NOT_FOUND } else { StatusCode::BAD_GATEWAY })
}

#[tokio::test]
async fn a_constant_is_recognised_by_its_value() {
    assert_eq!(twice!(OF_STATUS, of_status(ABSENT).await), absence("404", "404"));
    assert_eq!(twice!(OF_STATUS, of_status(1).await), error("502"));
}

#[derive(Debug)]
#[allow(dead_code)]
struct ApiError {
    status: StatusCode,
    text: String,
}

#[cached(
    key = "struct:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s",
    not_found = ApiError { status: StatusCode::NOT_FOUND, text: format!("no {id}") },
)]
async fn of_struct(id: u64) -> Result<u64, ApiError> {
    OF_STRUCT.fetch_add(1, SeqCst);
    let status = if id == ABSENT { StatusCode::NOT_FOUND } else { StatusCode::BAD_GATEWAY };
    Err(ApiError { status, text: "loaded".to_owned() })
}

#[tokio::test]
async fn the_constant_fields_of_a_struct_decide() {
    let made = |status: u16, text: &str| format!("ApiError {{ status: {status}, text: {text:?} }}");
    assert_eq!(twice!(OF_STRUCT, of_struct(ABSENT).await), absence(&made(404, "loaded"), &made(404, "no 0")));
    assert_eq!(twice!(OF_STRUCT, of_struct(1).await), error(&made(502, "loaded")), "the same struct, another status");
}

#[cached(
    key = "tuple:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s",
    not_found = (StatusCode::NOT_FOUND, "no user".to_owned()),
)]
async fn of_tuple(id: u64) -> Result<u64, (StatusCode, String)> {
    OF_TUPLE.fetch_add(1, SeqCst);
    Err((StatusCode::NOT_FOUND, if id == ABSENT { "no user" } else { "no table" }.to_owned()))
}

#[tokio::test]
async fn texts_are_compared() {
    assert_eq!(twice!(OF_TUPLE, of_tuple(ABSENT).await), absence("(404, \"no user\")", "(404, \"no user\")"));
    assert_eq!(twice!(OF_TUPLE, of_tuple(1).await), error("(404, \"no table\")"));
    assert_eq!(twice!(OF_TEXT, of_text(ABSENT).await), absence("Why(\"gone\")", "Why(\"gone\")"));
    assert_eq!(twice!(OF_TEXT, of_text(1).await), error("Why(\"db\")"), "the same variant, another text");
}

#[cached(
    key = "text:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s", not_found = RepoError::Why("gone"),
)]
async fn of_text(id: u64) -> Result<u64, RepoError> {
    OF_TEXT.fetch_add(1, SeqCst);
    Err(RepoError::Why(if id == ABSENT { "gone" } else { "db" }))
}

#[cached(
    key = "guard:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s",
    not_found = RepoError::Http { status, .. } if *status == 404,
    absent_as = RepoError::Http { status: 404, url: format!("/{id}") },
)]
async fn of_guard(id: u64) -> Result<u64, RepoError> {
    OF_GUARD.fetch_add(1, SeqCst);
    Err(RepoError::Http { status: if id == ABSENT { 404 } else { 500 }, url: "loaded".to_owned() })
}

#[tokio::test]
async fn a_pattern_may_have_a_guard() {
    let made = |status: u16, url: &str| format!("Http {{ status: {status}, url: {url:?} }}");
    assert_eq!(twice!(OF_GUARD, of_guard(ABSENT).await), absence(&made(404, "loaded"), &made(404, "/0")));
    assert_eq!(twice!(OF_GUARD, of_guard(1).await), error(&made(500, "loaded")));
}

#[derive(Debug)]
struct RowNotFound;

impl fmt::Display for RowNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no row")
    }
}

impl Error for RowNotFound {}

type Boxed = Box<dyn Error + Send + Sync>;

/// As with `anyhow::Error`: the type says nothing, and a closure asks what is in it.
#[cached(
    key = "boxed:<name>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s",
    not_found = |error| error.downcast_ref::<RowNotFound>().is_some(),
    absent_as = format!("no {name}").into(),
)]
async fn of_boxed(name: String) -> Result<u64, Boxed> {
    OF_BOXED.fetch_add(1, SeqCst);
    if name == "absent" { Err(RowNotFound.into()) } else { Err("down".into()) }
}

#[tokio::test]
async fn a_closure_decides_about_an_error_of_any_type() {
    assert_eq!(twice!(OF_BOXED, of_boxed("absent".into()).await), absence("RowNotFound", "\"no absent\""));
    assert_eq!(twice!(OF_BOXED, of_boxed("x".into()).await), error("\"down\""));
    tokio::spawn(of_boxed("absent".to_owned())).await.expect("no panic").expect_err("an absence");
}

#[cached(
    key = "path:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s",
    not_found = RepoError::is_not_found, absent_as = RepoError::NotFound(id),
)]
async fn of_path(id: u64) -> Result<Option<u64>, RepoError> {
    OF_PATH.fetch_add(1, SeqCst);
    if id == ABSENT { Err(RepoError::NotFound(7)) } else { Err(RepoError::Why("db")) }
}

#[cached(
    key = "several:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s",
    not_found = RepoError::NotFound(_) | RepoError::Why("gone"), absent_as = RepoError::NotFound(id),
)]
async fn of_several(id: u64) -> Result<u64, RepoError> {
    OF_SEVERAL.fetch_add(1, SeqCst);
    Err(RepoError::Why(if id == ABSENT { "gone" } else { "db" }))
}

#[tokio::test]
async fn a_function_decides_and_several_errors_may() {
    assert_eq!(twice!(OF_PATH, of_path(ABSENT).await), absence("NotFound(7)", "NotFound(0)"));
    assert_eq!(twice!(OF_PATH, of_path(1).await), error("Why(\"db\")"));
    assert_eq!(twice!(OF_SEVERAL, of_several(ABSENT).await), absence("Why(\"gone\")", "NotFound(0)"));
    assert_eq!(twice!(OF_SEVERAL, of_several(1).await), error("Why(\"db\")"));
}

#[cached(
    key = "argument:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s",
    not_found = |error| matches!(error, RepoError::NotFound(other) if *other == id), absent_as = RepoError::NotFound(id),
)]
async fn of_argument(id: u64) -> Result<u64, RepoError> {
    OF_ARGUMENT.fetch_add(1, SeqCst);
    Err(RepoError::NotFound(if id == ABSENT { id } else { 77 }))
}

#[tokio::test]
async fn a_closure_may_name_arguments() {
    assert_eq!(twice!(OF_ARGUMENT, of_argument(ABSENT).await), absence("NotFound(0)", "NotFound(0)"));
    assert_eq!(twice!(OF_ARGUMENT, of_argument(1).await), error("NotFound(77)"), "another's absence");
}

#[cached(
    key = "sync:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s", local,
    not_found = |error| *error == StatusCode::NOT_FOUND, absent_as = StatusCode::NOT_FOUND,
)]
fn of_sync(id: u64) -> Result<u64, StatusCode> {
    OF_SYNC.fetch_add(1, SeqCst);
    Err(if id == ABSENT { StatusCode::NOT_FOUND } else { StatusCode::BAD_GATEWAY })
}

#[async_trait]
trait Files {
    async fn read(&self, id: u64) -> io::Result<u64>;
}

#[derive(Clone)]
struct Folder {
    name: &'static str,
}

#[async_trait]
impl Files for Folder {
    #[cached(
        key = "file:<self.name>:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s",
        not_found = |error| error.kind() == io::ErrorKind::NotFound,
        absent_as = io::Error::new(io::ErrorKind::NotFound, format!("{}/{id}", self.name)),
    )]
    async fn read(&self, id: u64) -> io::Result<u64> {
        OF_IO.fetch_add(1, SeqCst);
        Err(if id == ABSENT { io::ErrorKind::NotFound.into() } else { io::ErrorKind::TimedOut.into() })
    }
}

impl Folder {
    #[cached(
        key = "inline:<self.name>:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "10s", refresh = inline,
        not_found = RepoError::is_not_found, absent_as = RepoError::Http { status: 404, url: self.name.to_owned() },
    )]
    async fn inline(&self, id: u64) -> Result<u64, RepoError> {
        OF_METHOD.fetch_add(1, SeqCst);
        if id == ABSENT { Err(RepoError::NotFound(id)) } else { Err(RepoError::Why("db")) }
    }
}

#[tokio::test]
async fn absences_of_every_kind_of_function_are_made_again() {
    assert_eq!(twice!(OF_SYNC, of_sync(ABSENT)), absence("404", "404"));
    assert_eq!(twice!(OF_SYNC, of_sync(1)), error("502"));
    let folder = Folder { name: "tmp" };
    let made = "Custom { kind: NotFound, error: \"tmp/0\" }";
    assert_eq!(twice!(OF_IO, folder.read(ABSENT).await), absence("Kind(NotFound)", made));
    assert_eq!(twice!(OF_IO, folder.read(1).await), error("Kind(TimedOut)"));
    let made = "Http { status: 404, url: \"tmp\" }";
    assert_eq!(twice!(OF_METHOD, folder.inline(ABSENT).await), absence("NotFound(0)", made));
    assert_eq!(twice!(OF_METHOD, folder.inline(1).await), error("Why(\"db\")"));
}

#[test]
fn the_strategy_says_what_is_stored() {
    let strategy = strategy();
    let said = |name| strategy.function(name).expect("one function").staleness.join("\n");
    assert!(said("of_path").contains("absence by `not_found = RepoError::is_not_found`"), "{}", said("of_path"));
    assert!(said("of_path").contains("not the error: a hit returns `RepoError::NotFound(id)`"), "{}", said("of_path"));
    assert!(said("of_guard").contains("a hit returns `RepoError::Http"), "{}", said("of_guard"));
}
