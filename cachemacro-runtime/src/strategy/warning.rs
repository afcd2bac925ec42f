//! What is odd in the annotations of a binary, and may be meant.

use std::fmt;

use serde::Serialize;

use super::binary::{Binary, listed, names, path};
use super::type_name::shorten;
use crate::callsite::{Carried, Commit, Role, WriterInfo, carried};

/// What is odd, and may be meant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "warning", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// No cached function of the binary hangs on what the event moves.
    NobodyListens {
        /// The event's name on the wire.
        event: String,
        /// Its Rust type, with its module.
        rust_type: String,
        /// The functions that publish it, as `module::function`.
        publishers: Vec<String>,
    },
    /// Every call of a cached function goes past the cache, as it is given a connection or a transaction.
    AlwaysBypassed {
        /// The function, as `module::function`.
        function: String,
        /// Why: the argument, or the condition.
        why: String,
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

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyListens { event, rust_type, publishers } => {
                let by = if publishers.is_empty() {
                    String::new()
                } else {
                    format!(", published by {},", listed(publishers))
                };
                write!(
                    f,
                    "no cache listens to `{event}` (`{rust_type}`){by} in this binary: name it in `invalidated_by`, or \
                     leave it to the services that cache what it moves"
                )
            }
            Self::CachesDiffer { function, publisher, event, cache } => write!(
                f,
                "of `{function}` and `{publisher}`, which publishes its event `{event}`, only one says `cache = {cache}`, and the \
                 other uses the cache of the scope or of the process: unless that is the same cache, or one of the same \
                 shared store, the event does not reach the entries. Give both the same `cache = …`"
            ),
            Self::AlwaysBypassed { function, why } => write!(
                f,
                "every call of `{function}` goes past the cache, because of `{why}`: give it a pool, or remove `#[cached]`; \
                 if its connection is in no transaction, say so: `autocommit(…)` instead of `skip(…)`"
            ),
        }
    }
}

pub(super) fn warnings(binary: &Binary) -> Vec<Warning> {
    let unheard = binary.events.iter().filter(|event| binary.listeners(event).next().is_none());
    let warnings = unheard.map(|event| {
        let publishers = [Role::Writes, Role::Handles].into_iter().flat_map(|role| binary.publishers(event, role));
        Warning::NobodyListens {
            event: event.name.to_owned(),
            rust_type: event.rust_type.to_owned(),
            publishers: publishers.map(|writer| path(writer.module, writer.name)).collect(),
        }
    });
    warnings.chain(bypassed(binary)).chain(apart(binary)).collect()
}

fn bypassed(binary: &Binary) -> impl Iterator<Item = Warning> {
    binary.sites.iter().filter_map(|site| {
        let types = site.bypass.arguments.iter().map(|argument| (argument.0)());
        let hidden = types.into_iter().find(|name| carried(name) != Carried::Nothing).map(shorten);
        let why = site.bypass.always.map(str::to_owned).or(hidden)?;
        Some(Warning::AlwaysBypassed { function: path(site.module, site.name), why })
    })
}

fn apart(binary: &Binary) -> impl Iterator<Item = Warning> {
    binary.sites.iter().flat_map(move |site| {
        let events = binary.events.iter().filter(|event| names(site, event));
        events.flat_map(move |event| {
            let publishers = [Role::Writes, Role::Handles].into_iter().flat_map(|role| binary.publishers(event, role));
            // The events of a deferred writer go to the cache that its `PendingEvents` are of.
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
    use crate::callsite::{Argument, Bypass, SiteInfo};
    use crate::strategy::Strategy;
    use crate::strategy::fixture::{FIND, RENAME, site, writer};

    #[test]
    fn functions_that_are_never_cached_are_listed() {
        let verified = |bypass| Strategy::of(&[site(SiteInfo { bypass, ..FIND })], &[writer(RENAME)], &[]).verify();
        let warned = |bypass| verified(bypass).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(warned(Bypass::NONE).is_empty());
        assert!(warned(Bypass { executors: &["ex: E"], condition: Some("fresh"), ..Bypass::NONE }).is_empty());
        assert_eq!(
            warned(Bypass { always: Some("conn: &mut PgConnection"), ..Bypass::NONE }),
            [
                "every call of `shop::users::find` goes past the cache, because of `conn: &mut PgConnection`: give it a pool, or \
              remove `#[cached]`; if its connection is in no transaction, say so: `autocommit(…)` instead of `skip(…)`"
            ]
        );
        let arguments: &[Argument] = &[Argument(|| "u8"), Argument(|| "&app::Tx<rusqlite::transaction::Transaction>")];
        let hidden = warned(Bypass { arguments, ..Bypass::NONE });
        assert!(hidden[0].contains("because of `&Tx<Transaction>`"), "{hidden:?}");
    }

    #[test]
    fn a_reader_and_a_writer_that_may_use_different_caches_are_listed() {
        let warned = |reader, publisher: WriterInfo| {
            let strategy = Strategy::of(&[site(SiteInfo { cache: reader, ..FIND })], &[writer(publisher)], &[]);
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
