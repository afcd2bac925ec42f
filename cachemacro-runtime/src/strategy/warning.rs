//! Warnings: unusual annotations of a binary, which may be intended.

use std::fmt;

use super::registry::{Registry, listed, names, path};
use super::type_name::shorten;
use crate::callsite::{Bypass, Carried, Commit, LookedAt, Role, WriterInfo, bypassed_by_type, carried, may_hold};
use crate::util::serialize::serialize;

/// An unusual annotation, which may be intended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// No cached function of the binary depends on an aggregate of the event.
    NeverConsumed {
        /// The event's name on the wire.
        event: String,
        /// Its Rust type, with its module.
        rust_type: String,
        /// The functions that publish it, as `module::function`.
        publishers: Vec<String>,
    },
    /// Every call of a cached function goes past the cache, as it is given, or may reach, a connection or a transaction.
    AlwaysBypassed {
        /// The function, as `module::function`.
        function: String,
        /// Why: the argument, what the body uses, or the condition.
        why: String,
        /// What to write, so that calls are cached.
        remedy: String,
    },
    /// Calls of a cached function went past the cache in this process, because of the type of what they were given, or of
    /// `self`: it has the name of a connection or a transaction in it, or is behind `&mut` and unknown. Other calls are cached.
    BypassedByType {
        /// The function, as `module::function`.
        function: String,
        /// The type.
        argument: String,
        /// What to write, so that they are cached.
        remedy: String,
    },
    /// A cached function and a function that publishes its event may use different caches of the process, as only one of them
    /// names its cache (`cache = …`). An event reaches the caches that share a store with the one it is published to, and no
    /// others.
    CachesDiffer {
        /// The cached function, as `module::function`.
        function: String,
        /// The function that publishes, as `module::function`.
        publisher: String,
        /// The event's name on the wire.
        event: String,
        /// The expression that the one names.
        cache: String,
    },
}

serialize!(enum Warning, "warning" {
    NeverConsumed = "never_consumed" { event, rust_type, publishers },
    AlwaysBypassed = "always_bypassed" { function, why, remedy },
    BypassedByType = "bypassed_by_type" { function, argument, remedy },
    CachesDiffer = "caches_differ" { function, publisher, event, cache },
});

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverConsumed { event, rust_type, publishers } => {
                let by = if publishers.is_empty() {
                    String::new()
                } else {
                    format!(", published by {},", listed(publishers))
                };
                write!(
                    f,
                    "no cached function depends on `{event}` (`{rust_type}`){by} in this binary: name it in \
                     `invalidated_by`, or ignore this if only other services cache its aggregates"
                )
            }
            Self::CachesDiffer { function, publisher, event, cache } => write!(
                f,
                "of `{function}` and `{publisher}`, which publishes its event `{event}`, only one says `cache = {cache}`, and the \
                 other uses the cache of the scope or of the process: unless that is the same cache, or one of the same \
                 shared store, the event does not reach the entries. Give both the same `cache = …`"
            ),
            Self::AlwaysBypassed { function, why, remedy } => {
                write!(f, "every call of `{function}` goes past the cache, because of `{why}`: {remedy}")
            }
            Self::BypassedByType { function, argument, remedy } => write!(
                f,
                "calls of `{function}` with a `{argument}` went past the cache, as it may be in a transaction: {remedy}"
            ),
        }
    }
}

pub(super) fn warnings(registry: &Registry) -> Vec<Warning> {
    let unheard = registry.events.iter().filter(|event| registry.listeners(event).next().is_none());
    let warnings = unheard.map(|event| {
        let publishers = [Role::Writes, Role::Handles].into_iter().flat_map(|role| registry.publishers(event, role));
        Warning::NeverConsumed {
            event: event.name.to_owned(),
            rust_type: event.rust_type.to_owned(),
            publishers: publishers.map(|writer| path(writer.module, writer.name)).collect(),
        }
    });
    warnings.chain(bypassed(registry)).chain(apart(registry)).collect()
}

fn bypassed(registry: &Registry) -> impl Iterator<Item = Warning> {
    registry.sites.iter().filter_map(|site| {
        let (why, remedy) = because_of_type(&site.bypass).or_else(|| {
            let why = site.bypass.always?.to_owned();
            Some((why, site.bypass.remedy.map_or_else(|| WITHOUT.to_owned(), or_say_so)))
        })?;
        Some(Warning::AlwaysBypassed { function: path(site.module, site.name), why, remedy })
    })
}

/// The type because of which every call goes past the cache. A transaction says more than what the macro saw.
fn because_of_type(bypass: &Bypass) -> Option<(String, String)> {
    let types = || bypass.arguments.iter().map(|looked| ((looked.argument.0)(), looked));
    let of_transaction = types().find(|(name, _)| carried(name) == Carried::Transaction);
    let (name, looked) = of_transaction.or_else(|| {
        let goes_past =
            |name: &str, looked: &LookedAt| carried(name) != Carried::Nothing || looked.is_unique && may_hold(name);
        types().find(|(name, looked)| goes_past(name, looked)).filter(|_| bypass.always.is_none())
    })?;
    Some((shorten(name), remedy_for(name, looked.remedy)))
}

/// What was noticed while the program ran, for functions without another such warning.
pub(super) fn noticed(known: &[Warning]) -> Vec<Warning> {
    let is_known = |path: &str| {
        known.iter().any(|warning| matches!(warning, Warning::AlwaysBypassed { function, .. } if function == path))
    };
    let noticed =
        bypassed_by_type().into_iter().map(|(site, name, remedy)| (path(site.module, site.name), name, remedy));
    let mut noticed: Vec<_> = noticed
        .filter(|(function, ..)| !is_known(function))
        .map(|(function, name, remedy)| Warning::BypassedByType {
            function,
            argument: shorten(name),
            remedy: remedy_for(name, remedy),
        })
        .collect();
    noticed.sort_by_key(ToString::to_string);
    noticed
}

const WITHOUT: &str = "give it a pool, or remove `#[cached]`";

fn remedy_for(type_name: &str, remedy: &str) -> String {
    if carried(type_name) == Carried::Transaction {
        "what is read in a transaction is not cached; give it a pool where it should be".to_owned()
    } else {
        or_say_so(remedy)
    }
}

fn or_say_so(remedy: &str) -> String {
    format!("{WITHOUT}; if it is in no transaction, or holds no connection, say so: {remedy}")
}

fn apart(registry: &Registry) -> impl Iterator<Item = Warning> {
    registry.sites.iter().flat_map(move |site| {
        let events = registry.events.iter().filter(|event| names(site, event));
        events.flat_map(move |event| {
            let publishers =
                [Role::Writes, Role::Handles].into_iter().flat_map(|role| registry.publishers(event, role));
            // The events of a deferred writer go to the cache of its `PendingEvents`.
            let publishers = publishers.filter(|writer| writer.commit != Commit::Deferred);
            let only_one = |writer: &WriterInfo| match (site.cache, writer.cache) {
                (Some(cache), None) | (None, Some(cache)) => Some(cache.to_owned()),
                _ => None,
            };
            publishers.filter_map(move |writer| {
                Some(Warning::CachesDiffer {
                    function: path(site.module, site.name),
                    publisher: path(writer.module, writer.name),
                    event: event.name.to_owned(),
                    cache: only_one(writer)?,
                })
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callsite::{Argument, CallsiteInfo};
    use crate::strategy::Strategy;
    use crate::strategy::fixture::{FIND, RENAME, site, writer};

    #[test]
    fn functions_that_are_never_cached_are_listed() {
        let verified = |bypass| Strategy::of(&[site(CallsiteInfo { bypass, ..FIND })], &[writer(RENAME)], &[]).verify();
        let warned = |bypass| verified(bypass).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(warned(Bypass::NONE).is_empty());
        assert!(warned(Bypass { executors: &["ex: E"], condition: Some("fresh"), ..Bypass::NONE }).is_empty());
        let always = Some("conn: &mut PgConnection");
        assert_eq!(
            warned(Bypass { always, remedy: Some("`autocommit(conn)` in the place of `skip(conn)`"), ..Bypass::NONE }),
            [
                "every call of `shop::users::find` goes past the cache, because of `conn: &mut PgConnection`: give it a pool, or \
              remove `#[cached]`; if it is in no transaction, or holds no connection, say so: `autocommit(conn)` in the place of \
              `skip(conn)`"
            ]
        );
        assert!(
            warned(Bypass { always: Some("bypass_if = true"), ..Bypass::NONE })[0].ends_with("or remove `#[cached]`")
        );
    }

    #[test]
    fn types_that_are_never_cached_are_listed() {
        let warned = |type_name, is_unique| {
            let arguments: &[LookedAt] = Box::leak(Box::new([
                LookedAt { argument: Argument(|| "u8"), is_unique: true, remedy: "" },
                LookedAt { argument: Argument(type_name), is_unique, remedy: "`autocommit(db)`" },
            ]));
            let strategy = Strategy::of(
                &[site(CallsiteInfo { bypass: Bypass { arguments, ..Bypass::NONE }, ..FIND })],
                &[writer(RENAME)],
                &[],
            );
            strategy.verify().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let hidden = warned(|| "&app::Tx<rusqlite::transaction::Transaction>", false);
        assert!(hidden[0].contains("because of `&Tx<Transaction>`: what is read in a transaction"), "{hidden:?}");
        let unknown = warned(|| "&mut app::Unit", true);
        assert!(
            unknown[0].contains("because of `&mut Unit`") && unknown[0].ends_with("say so: `autocommit(db)`"),
            "{unknown:?}"
        );
        assert!(warned(|| "&app::Unit", false).is_empty());
        assert!(warned(|| "&mut alloc::vec::Vec<u8>", true).is_empty());
    }

    #[test]
    fn a_reader_and_a_writer_that_may_use_different_caches_are_listed() {
        let warned = |reader, publisher: WriterInfo| {
            let strategy = Strategy::of(&[site(CallsiteInfo { cache: reader, ..FIND })], &[writer(publisher)], &[]);
            strategy.verify().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let named = WriterInfo { cache: Some("self.cache"), ..RENAME };
        assert!(warned(None, RENAME).is_empty());
        assert!(warned(Some("app.cache"), named).is_empty(), "which caches these are is not known");
        assert_eq!(
            warned(Some("app.cache"), RENAME),
            [
                "of `shop::users::find` and `shop::users::rename`, which publishes its event `user.updated`, only one says \
              `cache = app.cache`, and the other uses the cache of the scope or of the process: unless that is the same cache, or \
              one of the same shared store, the event does not reach the entries. Give both the same `cache = …`"
            ]
        );
        assert_eq!(warned(None, named).len(), 1);
        assert!(warned(Some("app.cache"), WriterInfo { commit: Commit::Deferred, ..RENAME }).is_empty());
    }
}
