//! Problems: annotations of a binary that cannot be right.

use std::collections::BTreeMap;
use std::fmt;

use super::named_route::Facts;
use super::registry::{Registry, listed, moves, names, path};
use super::type_name::{shorten, value_of};
use crate::callsite::registry::{events, sites};
use crate::callsite::{
    CallsiteInfo, Carried, Commit, Role, SAY_WHEN, carried, shared_by_instances, site_name, sites_named,
};
use crate::event::{EventInfo, EventKind, template_shape};
use crate::util::serialize::serialize;

/// A cache that cannot be right.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// Cached functions wait for an event that no function of the binary publishes.
    NeverPublished {
        /// The event's name on the wire.
        event: String,
        /// Its Rust type, with its module.
        rust_type: String,
        /// The cached functions that name it, as `module::function`.
        listeners: Vec<String>,
    },
    /// A writer is given a transaction or a connection, which its signature does not show, and publishes when it returns.
    PublishesBeforeCommit {
        /// The writer, as `module::function`.
        function: String,
        /// The type of the argument.
        argument: String,
    },
    /// Functions can render the same key for values of different types.
    KeysCollide {
        /// The functions.
        functions: Vec<Colliding>,
    },
    /// Functions have the same name in a shared store, so none of them is stored there.
    NameShared {
        /// The name.
        name: String,
        /// The functions, as `module::function`.
        functions: Vec<String>,
    },
    /// A generic function was called with different types of the same name and a shared store, so it is not stored there for
    /// any of these.
    TypesLookAlike {
        /// The name that the function has with each of the types.
        name: String,
        /// The function, as `module::function`.
        function: String,
    },
    /// A route with a name declares that it is made of a function which the program does not have.
    UnknownInRoute {
        /// The route.
        route: String,
        /// The name that it declares.
        function: String,
        /// What may be meant.
        hint: String,
    },
    /// A response of a route was made of a function that the route does not declare. It is known after the request.
    NotDeclared {
        /// The route.
        route: String,
        /// The function, as `module::function`.
        function: String,
    },
    /// The URLs of a route have a version of a function's row, and an event may give a version again that the row has had before: so its
    /// responses are asked for each time. For a route that declares no functions it is known after a request.
    VersionsComeAgain {
        /// The function, as `module::function`.
        function: String,
        /// The event's name on the wire.
        event: String,
    },
}

serialize!(enum Problem, "problem" {
    NeverPublished = "never_published" { event, rust_type, listeners },
    PublishesBeforeCommit = "publishes_before_commit" { function, argument },
    KeysCollide = "keys_collide" { functions },
    NameShared = "name_shared" { name, functions },
    TypesLookAlike = "types_look_alike" { name, function },
    UnknownInRoute = "unknown_in_route" { route, function, hint },
    NotDeclared = "not_declared" { route, function },
    VersionsComeAgain = "versions_come_again" { function, event },
});

/// One of several functions that can render the same key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Colliding {
    /// `module::function`.
    pub function: String,
    /// The key template as written.
    pub template: String,
    /// The type of its values.
    pub value_type: String,
}

serialize!(struct Colliding { function, template, value_type });

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverPublished { event, rust_type, listeners } => write!(
                f,
                "no function publishes `{event}` (`{rust_type}`), which invalidates {}: put `#[invalidates(…)]` on the \
                 function that writes, or `#[invalidates(event)]` on the handler that receives it from another \
                 service",
                listed(listeners),
            ),
            Self::PublishesBeforeCommit { function, argument } => write!(
                f,
                "`{function}` takes a `{argument}` and publishes when it returns, which is before the commit: {SAY_WHEN}"
            ),
            Self::KeysCollide { functions } => {
                let described = functions
                    .iter()
                    .map(|one| format!("`{}` keeps `{}` under `{}`", one.function, one.value_type, one.template));
                let described: Vec<_> = described.collect();
                let mend = "put a different literal into each key, `user-profile:<id>`";
                write!(f, "keys collide, {}: {mend}", described.join(", "))
            }
            Self::NameShared { name, functions } => write!(
                f,
                "{} functions are called `{name}` in a shared store ({}), so none of them is stored there: give each a \
                 different name, `name = \"…\"`",
                functions.len(),
                listed(&unique(functions)),
            ),
            Self::TypesLookAlike { name, function } => write!(
                f,
                "`{function}` was called with different types that look alike in `{name}`, so it is not stored in a shared \
                 store for any of them: give the types different names"
            ),
            Self::UnknownInRoute { route, function, hint } => {
                write!(f, "the route `{route}` declares that it is made of `{function}` (`made_of`): {hint}")
            }
            Self::NotDeclared { route, function } => write!(
                f,
                "a response of the route `{route}` was made of `{function}`, which the route does not declare, so its bounds do not hold: name \
                 the function in `made_of`"
            ),
            Self::VersionsComeAgain { function, event } => write!(
                f,
                "a route has URLs with the version of `{function}`, and `{event}` may give a row a version again that it has had with other content: no browser may keep \
                 such a URL for good, so each is asked for each time. Take `versioned_urls` away, or let the event give a new version (`restores = …`)"
            ),
        }
    }
}

/// Everything that [`Strategy::verify`](super::Strategy::verify) found wrong.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyError {
    problems: Vec<Problem>,
}

impl VerifyError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems, of which there is at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the caching strategy cannot be right:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n- {problem}"))
    }
}

/// As `Display`: this is what `unwrap` shows.
impl fmt::Debug for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for VerifyError {}

fn unique(sorted: &[String]) -> Vec<String> {
    let mut unique = sorted.to_vec();
    unique.dedup();
    unique
}

fn path_of(site: &CallsiteInfo) -> String {
    path(site.module, site.name)
}

pub(super) fn problems(registry: &Registry, routes: &[Facts]) -> Vec<Problem> {
    let of_functions =
        unsent(registry).chain(uncommitted(registry)).chain(collisions(registry)).chain(shared_names(registry));
    of_functions.chain(routes.iter().flat_map(|route| of_route(route, registry))).collect()
}

/// What a route declares that is not so.
fn of_route(route: &Facts, registry: &Registry) -> Vec<Problem> {
    let Some(declared) = &route.declared else { return Vec::new() };
    let (mut problems, mut sites) = (Vec::new(), Vec::new());
    for name in declared {
        let named = registry.named(name);
        if named.is_empty() {
            let hint = sites_named(name).map_or_else(|unknown| unknown.to_string(), |_| String::new());
            problems.push(Problem::UnknownInRoute { route: route.name.clone(), function: name.clone(), hint });
        }
        sites.extend(named);
    }
    for served in route.served.iter().flat_map(|name| registry.named(name)) {
        if !sites.iter().any(|site| path_of(site) == path_of(served)) {
            problems.push(Problem::NotDeclared { route: route.name.clone(), function: path_of(served) });
        }
    }
    if route.has_versioned_urls {
        problems.extend(sites.iter().filter_map(|site| versions_come_again(site, &registry.events)));
    }
    problems
}

fn versions_come_again(site: &CallsiteInfo, events: &[&EventInfo]) -> Option<Problem> {
    let event = events.iter().find(|event| event.kind == EventKind::RollsBack && moves(event, site))?;
    Some(Problem::VersionsComeAgain { function: path_of(site), event: event.name.to_owned() })
}

fn shared_names(registry: &Registry) -> impl Iterator<Item = Problem> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for site in registry.sites.iter().filter(|site| !site.policy.local) {
        names.entry(site_name(site)).or_default().push(path_of(site));
    }
    let shared = names.into_iter().filter(|(_, functions)| functions.len() > 1);
    shared.map(|(name, functions)| Problem::NameShared { name, functions })
}

/// What was noticed while the program ran.
pub(super) fn noticed() -> impl Iterator<Item = Problem> {
    let look_alike = |(name, site): (String, &CallsiteInfo)| Problem::TypesLookAlike { name, function: path_of(site) };
    let events: Vec<_> = events().collect();
    let unlasting = sites().filter(|site| site.is_asked_for_lasting_versions());
    let come_again = unlasting.filter_map(move |site| versions_come_again(site.info(), &events));
    shared_by_instances().into_iter().map(look_alike).chain(come_again)
}

fn unsent(registry: &Registry) -> impl Iterator<Item = Problem> {
    registry.events.iter().filter_map(|event| {
        let mut published = [Role::Writes, Role::Handles].into_iter().flat_map(|role| registry.publishers(event, role));
        let waits = registry.sites.iter().filter(|site| names(site, event));
        let listeners: Vec<_> = waits.map(|site| path_of(site)).collect();
        (!listeners.is_empty() && published.next().is_none()).then(|| Problem::NeverPublished {
            event: event.name.to_owned(),
            rust_type: event.rust_type.to_owned(),
            listeners,
        })
    })
}

fn uncommitted(registry: &Registry) -> impl Iterator<Item = Problem> {
    let shown = registry.writers.iter().filter(|writer| writer.commit == Commit::Shown);
    shown.filter_map(|writer| {
        let types = writer.arguments.iter().map(|argument| (argument.0)());
        let argument = types.into_iter().find(|name| carried(name) != Carried::Nothing)?;
        Some(Problem::PublishesBeforeCommit { function: path(writer.module, writer.name), argument: shorten(argument) })
    })
}

fn collisions(registry: &Registry) -> impl Iterator<Item = Problem> {
    let mut shapes: BTreeMap<String, Vec<&CallsiteInfo>> = BTreeMap::new();
    for site in &registry.sites {
        shapes.entry(template_shape(site.template)).or_default().push(site);
    }
    shapes.into_values().filter(|sites| sites.iter().any(|site| differs(site, sites[0]))).map(|sites| {
        let functions = sites.into_iter().map(|site| Colliding {
            function: path_of(site),
            template: site.template.to_owned(),
            value_type: site.value_type.map_or_else(|| value_of(site.returns), |name| name()).to_owned(),
        });
        Problem::KeysCollide { functions: functions.collect() }
    })
}

/// Whether two functions keep values of different types: by their full names if both are known, else by their names without
/// modules, as a type that is known only as written has no full name.
fn differs(a: &CallsiteInfo, b: &CallsiteInfo) -> bool {
    if let (Some(a), Some(b)) = (a.value_type, b.value_type) {
        return a() != b();
    }
    let short = |site: &CallsiteInfo| shorten(site.value_type.map_or_else(|| value_of(site.returns), |name| name()));
    short(a) != short(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callsite::{Argument, WriterInfo};
    use crate::policy::Policy;
    use crate::strategy::Strategy;
    use crate::strategy::fixture;
    use crate::strategy::fixture::{FIND, RENAME, RESTORED, ROLLED_BACK, site, writer};
    use crate::strategy::warning::Warning;

    #[test]
    fn a_sound_binary_has_only_warnings() {
        let warnings = fixture::shop().verify().unwrap();
        assert!(
            matches!(&warnings[..], [Warning::NeverConsumed { event, .. }] if event == "door.opened"),
            "{warnings:?}"
        );
    }

    #[test]
    fn an_event_that_is_never_published_is_an_error() {
        let error = Strategy::of(&[site(FIND)], &[], &[]).verify().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the caching strategy cannot be right:\n\
             - no function publishes `user.updated` (`shop::events::Event`), which invalidates `shop::users::find`: put \
             `#[invalidates(…)]` on the function that writes, or `#[invalidates(event)]` on the handler that \
             receives it from another service"
        );
        assert_eq!(format!("{error:?}"), error.to_string());
    }

    #[test]
    fn a_handler_counts_as_a_publisher() {
        let handler = writer(WriterInfo { role: Role::Handles, ..RENAME });
        assert_eq!(Strategy::of(&[site(FIND)], &[handler], &[]).verify(), Ok(Vec::new()));
    }

    #[test]
    fn an_event_of_the_same_aggregate_counts_though_no_function_names_it() {
        let strategy = Strategy::of(&[site(FIND)], &[writer(RENAME)], &[&RESTORED]);
        assert_eq!(strategy.verify(), Ok(Vec::new()), "and it needs no publisher");
    }

    #[test]
    fn a_route_declares_what_it_is_made_of() {
        let verified = |route: Facts| {
            let strategy = Strategy::with_routes(&[site(FIND)], &[writer(RENAME)], &[], &[route]);
            strategy.verify().map_or_else(|error| error.to_string(), |_| String::new())
        };
        let served = |name: &str| Facts { served: [name.to_owned()].into(), ..fixture::route("page", &["find"]) };
        assert_eq!(verified(served("shop::users::find")), "");
        assert_eq!(verified(served("shop::elsewhere::find")), "", "a function of another program");
        assert_eq!(
            verified(Facts { declared: Some(Default::default()), ..served("shop::users::find") }),
            "the caching strategy cannot be right:\n\
             - a response of the route `page` was made of `shop::users::find`, which the route does not declare, so its bounds do not \
             hold: name the function in `made_of`"
        );
        let unknown = verified(fixture::route("page", &["best_seller"]));
        assert!(unknown.ends_with("did you mean `shop::reports::best_sellers`?"), "{unknown}");
    }

    #[test]
    fn versions_that_come_again_name_nothing_for_good() {
        let verified = |event: &'static EventInfo| {
            let back = writer(WriterInfo { events: Box::leak(Box::new([event])), ..RENAME });
            let picture = Facts { has_versioned_urls: true, ..fixture::route("picture", &["find"]) };
            Strategy::with_routes(&[site(FIND)], &[writer(RENAME), back], &[], &[picture]).verify()
        };
        assert_eq!(verified(&RESTORED), Ok(Vec::new()), "a restored row has a new version");
        let error = verified(&ROLLED_BACK).unwrap_err().to_string();
        assert!(error.contains("the version of `shop::users::find`, and `user.rolled_back` may"), "{error}");
    }

    #[test]
    fn keys_that_render_alike_need_one_value_type() {
        let path = || "shop::users::profile";
        let profile = CallsiteInfo { name: "profile", path, template: "user:<user.id>", ..FIND };
        let collide = |other: CallsiteInfo| {
            let strategy = Strategy::of(&[site(FIND), site(other)], &[writer(RENAME)], &[]);
            strategy.verify().map_or_else(|error| error.to_string(), |_| String::new())
        };
        assert_eq!(collide(profile), "", "one type");
        for returns in ["Option<User>", "Result<Option<users::User>, Error>"] {
            assert_eq!(collide(CallsiteInfo { value_type: None, returns, ..profile }), "", "one type, as written");
        }
        let other = CallsiteInfo { value_type: Some(|| "shop::users::Profile"), ..profile };
        assert_eq!(
            collide(other),
            "the caching strategy cannot be right:\n\
             - keys collide, `shop::users::find` keeps `shop::users::User` under `user:<id>`, \
             `shop::users::profile` keeps `shop::users::Profile` under `user:<user.id>`: put a different literal into \
             each key, `user-profile:<id>`"
        );
        assert_eq!(collide(CallsiteInfo { template: "user:<id>:profile", ..other }), "");
        assert_ne!(collide(CallsiteInfo { value_type: None, returns: "Option<Profile>", ..profile }), "");
    }

    #[test]
    fn functions_of_one_name_need_another() {
        let verify = |infos: [CallsiteInfo; 2]| Strategy::of(&infos.map(site), &[writer(RENAME)], &[]).verify();
        assert_eq!(
            verify([FIND, FIND]).unwrap_err().to_string(),
            "the caching strategy cannot be right:\n\
             - 2 functions are called `shop::users::find` in a shared store (`shop::users::find`), so none of \
             them is stored there: give each a different name, `name = \"…\"`"
        );
        let named = CallsiteInfo { shared_name: Some("find"), ..FIND };
        assert_eq!(verify([FIND, named]), Ok(Vec::new()));
        assert!(verify([named, named]).is_err());
        let local = CallsiteInfo { policy: Policy { local: true, ..FIND.policy }, ..FIND };
        assert_eq!(verify([FIND, local]), Ok(Vec::new()), "a local function has no name there");
    }

    #[test]
    fn a_transaction_behind_an_alias_is_an_error() {
        let arguments: &[Argument] =
            &[Argument(|| "u64"), Argument(|| "&mut sqlx_core::transaction::Transaction<sqlx_sqlite::Sqlite>")];
        let rename = WriterInfo { arguments, ..RENAME };
        let verified = |commit| Strategy::of(&[site(FIND)], &[writer(WriterInfo { commit, ..rename })], &[]).verify();
        assert_eq!(
            verified(Commit::Shown).unwrap_err().to_string(),
            "the caching strategy cannot be right:\n\
             - `shop::users::rename` takes a `&mut Transaction<Sqlite>` and publishes when it returns, which is before the \
             commit: let the events wait for it in a `PendingEvents`, with `defer = pending`; or, if the function commits \
             before it returns, say how: `commits_itself = \"…\"`"
        );
        assert_eq!(verified(Commit::Deferred), Ok(Vec::new()));
        assert_eq!(verified(Commit::Itself("autocommit")), Ok(Vec::new()));
    }

    #[test]
    fn deferred_writers_are_reported() {
        let of = |commit| Strategy::of(&[site(FIND)], &[writer(WriterInfo { commit, ..RENAME })], &[]);
        let deferred = of(Commit::Deferred);
        assert!(deferred.functions()[0].invalidated_by[0].writers[0].defers);
        let text = deferred.to_markdown();
        assert!(text.contains("sent by `shop::users::rename` (published after its caller's commit)."), "{text}");
        assert!(text.contains("Between a commit and the `publish`"), "{text}");
        assert!(deferred.to_string().contains("rename at commit"), "{deferred}");
        let itself = of(Commit::Itself("autocommit")).to_markdown();
        assert!(itself.contains("`shop::users::rename` (commits before it returns: autocommit)."), "{itself}");
    }

    #[test]
    fn scheduled_jobs_are_reported_with_their_interval() {
        let every = Some(std::time::Duration::from_secs(86_400));
        let job = writer(WriterInfo { every, ..RENAME });
        let alone = Strategy::of(&[site(FIND)], &[job], &[]);
        let text = alone.to_markdown();
        assert!(text.contains("| `rename` every 1d |"), "{text}");
        assert!(text.contains("sent by the job `shop::users::rename` every 1d."), "{text}");
        assert!(
            text.contains(
                "`user.updated` comes from a scheduled job alone, `shop::users::rename` every 1d: a change is seen once the job has run, \
                 up to 1d later and the time of a run, or when the entry is loaded again, 10m after its load at the latest."
            ),
            "{text}"
        );
        assert!(alone.to_string().contains("rename every 1d"), "{alone}");
        let both = Strategy::of(&[site(FIND)], &[job, writer(WriterInfo { name: "move_on", ..RENAME })], &[]);
        assert!(!both.to_markdown().contains("job alone"));
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let path = || "shop::users::profile";
        let profile = CallsiteInfo { name: "profile", path, value_type: Some(|| "shop::users::Profile"), ..FIND };
        let error = Strategy::of(&[site(FIND), site(profile)], &[], &[]).verify().unwrap_err();
        assert!(
            matches!(error.problems(), [Problem::NeverPublished { listeners, .. }, Problem::KeysCollide { functions }]
            if listeners.len() == 2 && functions.len() == 2)
        );
    }
}
