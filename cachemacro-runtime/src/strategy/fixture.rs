//! A small shop, annotated by hand.

use std::time::Duration;

use crate::callsite::{
    AbsentError, CachedFn, Callsite, CallsiteInfo, Commit, EventUse, InvalidatesFn, OnError, RegisteredEvent, Role,
    TaskLocalUse, Writer, WriterInfo,
};
use crate::event::{EventInfo, EventKind};
use crate::policy::{Computed, Mode, Policy, Refresh};
use crate::strategy::Strategy;
use crate::strategy::named_route::{EdgeTimes, Facts};

pub(super) const POLICY: Policy = Policy {
    soft: Some(Duration::from_secs(60)),
    hard: Duration::from_secs(600),
    negative: Some(Duration::from_secs(10)),
    computed: Computed::NONE,
    idle: None,
    jitter: 0.1,
    early: None,
    stale_if_error: None,
    timeout: None,
    refresh_backoff: Duration::from_secs(1),
    max_concurrent_loads: 8,
    max_loads: None,
    on_outage: None,
    shares_errors: false,
    strict: false,
    refresh: Refresh::Background,
    local: false,
    public: false,
    browser: None,
};

pub(super) const fn event(name: &'static str, keys: &'static [&'static str], kind: EventKind) -> EventInfo {
    EventInfo { name, rust_type: "shop::events::Event", keys, kind }
}

pub(super) static UPDATED: EventInfo = event("user.updated", &["user:<id>"], EventKind::Versioned);
pub(super) static RESTORED: EventInfo = event("user.restored", &["user:<user_id>"], EventKind::Restores);
pub(super) static ROLLED_BACK: EventInfo = event("user.rolled_back", &["user:<id>"], EventKind::RollsBack);
pub(super) static SOLD: EventInfo = event("item.sold", &["shelf:<shop>"], EventKind::Unversioned);
pub(super) static UNHEARD: EventInfo = event("door.opened", &["door:<id>"], EventKind::Unversioned);

pub(super) const FIND: CallsiteInfo = CallsiteInfo {
    name: "find",
    module: "shop::users",
    path: || "shop::users::find",
    file: "src/users.rs",
    line: 12,
    template: "user:<id>",
    returns: "Result<Option<User>, Error>",
    value_type: Some(|| "shop::users::User"),
    events: &[EventUse { event: &UPDATED, aggregates: &["user:<id>"], binding: "id", carries: &[] }],
    policy: POLICY,
    absent: Some(AbsentError { recognised_by: "|error| error.is_gone()", made_by: "Error::Gone(id)" }),
    context: &[TaskLocalUse { name: "REQUEST_ID", in_key: false, is_bound: false }],
    ..CallsiteInfo::BASE
};

pub(super) const BEST_SELLERS: CallsiteInfo = CallsiteInfo {
    name: "best_sellers",
    module: "shop::reports",
    path: || "shop::reports::best_sellers",
    file: "src/reports.rs",
    line: 7,
    template: "best:<shop>:<limit>",
    returns: "sqlx::Result<Vec<Item>>",
    mode: Mode::Opaque,
    events: &[EventUse { event: &SOLD, aggregates: &["shelf:<shop>"], binding: "shop", carries: &[] }],
    policy: Policy { soft: None, negative: None, timeout: Some(Duration::from_millis(1_500)), ..POLICY },
    ..CallsiteInfo::BASE
};

pub(super) const RATE: CallsiteInfo = CallsiteInfo {
    name: "rate",
    module: "shop::reports",
    path: || "shop::reports::rate",
    file: "src/reports.rs",
    line: 40,
    template: "rate:<currency>",
    returns: "f64",
    value_type: Some(|| "f64"),
    mode: Mode::Opaque,
    ttl_only: Some("the bank sends no events | only a file"),
    policy: Policy {
        negative: None,
        stale_if_error: Some(false),
        local: true,
        refresh: Refresh::Inline,
        public: true,
        browser: Some(Duration::from_secs(30)),
        ..POLICY
    },
    ..CallsiteInfo::BASE
};

pub(super) const RENAME: WriterInfo = WriterInfo {
    name: "rename",
    module: "shop::users",
    file: "src/users.rs",
    line: 30,
    events: &[&UPDATED],
    role: Role::Writes,
    on_error: OnError::Suspect,
    commit: Commit::Shown,
    arguments: &[],
    cache: None,
    every: None,
};

static FIND_SITE: Callsite = Callsite::new(FIND);
static BEST_SELLERS_SITE: Callsite = Callsite::new(BEST_SELLERS);
static RATE_SITE: Callsite = Callsite::new(RATE);
static RENAME_WRITER: Writer = Writer::new(RENAME);
static RESTORE_WRITER: Writer =
    Writer::new(WriterInfo { name: "restore", events: &[&RESTORED], on_error: OnError::Fail, ..RENAME });
static ON_UPDATED: Writer =
    Writer::new(WriterInfo { name: "on_updated", module: "shop::handlers", role: Role::Handles, ..RENAME });
static ON_SOLD: Writer = Writer::new(WriterInfo {
    name: "on_sold",
    module: "shop::handlers",
    events: &[&SOLD],
    role: Role::Handles,
    on_error: OnError::Retry,
    ..RENAME
});

inventory::submit! { CachedFn(&BEST_SELLERS_SITE) }
inventory::submit! { InvalidatesFn(&ON_SOLD) }
inventory::submit! { RegisteredEvent(&UNHEARD) }

/// A route that is made of these functions, which it declares.
pub(super) fn route(name: &str, functions: &[&str]) -> Facts {
    let declared = Some(functions.iter().map(|name| (*name).to_owned()).collect());
    Facts { name: name.to_owned(), declared, ..Facts::default() }
}

/// A page of each kind.
fn routes() -> [Facts; 6] {
    let picture = Facts { has_versioned_urls: true, has_own_headers: true, ..route("picture", &["shop::users::find"]) };
    let served =
        Facts { served: ["shop::reports::rate".to_owned()].into(), name: "rates".to_owned(), ..Facts::default() };
    let unasked = Facts { name: "search".to_owned(), ..Facts::default() };
    let seconds = Duration::from_secs;
    let cdn = EdgeTimes {
        cdn: "varnish".to_owned(),
        purged_within: seconds(15),
        answered_within: Duration::from_millis(100),
        fetch_timeout: seconds(10),
        is_soft: false,
        is_logged: true,
    };
    let edge = Facts { edges: [cdn.clone()].into(), ..route("exchange", &["rate"]) };
    let mixed = Facts { edges: [cdn].into(), ..route("mixed", &["rate", "find"]) };
    [route("front page", &["find", "best_sellers"]), picture, served, unasked, edge, mixed]
}

/// A row with a restoring event, a report that hears of another service, a rate with none; and routes.
pub(super) fn shop() -> Strategy {
    Strategy::with_routes(
        &[&FIND_SITE, &BEST_SELLERS_SITE, &RATE_SITE],
        &[&RENAME_WRITER, &RESTORE_WRITER, &ON_UPDATED, &ON_SOLD],
        &[&UPDATED, &RESTORED, &SOLD, &UNHEARD],
        &routes(),
    )
}

pub(super) fn shop_backwards() -> Strategy {
    Strategy::with_routes(
        &[&RATE_SITE, &BEST_SELLERS_SITE, &FIND_SITE],
        &[&ON_SOLD, &ON_UPDATED, &RESTORE_WRITER, &RENAME_WRITER],
        &[&UNHEARD, &SOLD, &RESTORED, &UPDATED],
        &routes(),
    )
}

/// A site of its own for one test.
pub(super) fn site(info: CallsiteInfo) -> &'static Callsite {
    Box::leak(Box::new(Callsite::new(info)))
}

/// A writer of its own for one test.
pub(super) fn writer(info: WriterInfo) -> &'static Writer {
    Box::leak(Box::new(Writer::new(info)))
}
