//! The procedural macros of [`cachemacro`](https://docs.rs/cachemacro): `#[cached]`, `#[invalidates]`, and the derives
//! `CacheEvent` and `KeyPart`. Add `cachemacro` to your dependencies, not this crate: what the macros generate calls its
//! runtime.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod analyze;
mod expand;
mod fallback;
mod model;
mod parse;
mod pipeline;
mod syntax;
mod validate;

/// Caches what a function returns, and keeps the cache right through writes, races, rollbacks and outages.
///
/// The function keeps its signature: callers, traits and mocks do not change.
///
/// ```
/// use cachemacro::{CacheEvent, cached};
/// use serde::{Deserialize, Serialize};
/// # use std::io::Error;
/// # #[derive(Clone)]
/// # struct Database;
/// # impl Database {
/// #     async fn user(&self, id: u64) -> Result<Option<User>, Error> { Ok(Some(User { id, version: 1 })) }
/// # }
/// # #[derive(Clone)]
/// # struct Users { db: Database }
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct User { id: u64, version: u64 }
///
/// #[derive(Clone, Serialize, Deserialize, CacheEvent)]
/// #[event(name = "user.updated", key = "user:<id>", version = version)]
/// struct UserUpdated { id: u64, version: u64 }
///
/// impl Users {
///     #[cached(
///         key = "user:<id>",
///         version_from = |user| user.version,
///         invalidated_by(UserUpdated { id }),
///         soft_ttl = "60s", hard_ttl = "10m", negative_ttl = "10s",
///     )]
///     async fn find(&self, id: u64) -> Result<Option<User>, Error> {
///         self.db.user(id).await
///     }
/// }
/// ```
///
/// # Attributes
///
#[doc = include_str!("../docs/attributes.md")]
///
/// # Return types
///
/// `T`, `Option<T>`, `Result<T, E>`, `Result<Option<T>, E>`, and every alias of them: the type decides, not its spelling.
/// An error is never cached, except as `not_found`. The value is `Clone + Send + Sync + 'static`, and serializable
/// unless `local`. With `local` it may be `&'static str`.
///
/// # Arguments
///
/// Every argument is in the key or in `skip`. Arguments can be owned, `&T`, `Option<&T>` or patterns. With
/// `refresh = background` the arguments and `self` are cloned into the task. The refresh is `inline` where that is not possible:
/// where a type borrows inside (`Cow<'_, str>`, `&dyn Trait`, `impl Trait`, `T` without `'static`), and for `&mut` arguments and
/// `&mut self`, which must be skipped.
///
/// A load gets a clone of an owned argument, and of each name in a pattern. What is not `Clone` is given to one load: the call
/// loads once, `load_hint()` asks for the primary, and the result is not stored where a second load would have been needed.
///
/// An argument under `#[cfg(…)]` may be named in `skip` and in the key where it does not exist, too.
///
/// # Connections and transactions
///
/// A call with a pool is cached. A transaction is refused, unless `bypass_if` decides for each call. A call with any other
/// connection or executor (`&mut PgConnection`, `impl Executor<'_>`) goes past the cache, as it may be in a transaction: it
/// reads and stores nothing, and is counted. The [guide on transactions] has the details.
///
/// [guide on transactions]: https://docs.rs/cachemacro/latest/cachemacro/guide/transactions/
///
/// # What is refused
///
/// `const`, `unsafe` and `extern` functions, `impl Trait` and borrowed return types, and sync functions without `local`.
/// Every message says what is wrong and what to write instead. All mistakes of one annotation are reported at once.
#[proc_macro_attribute]
pub fn cached(attribute: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::cached(attribute.into(), item.into()).into()
}

/// Publishes events after a function has succeeded. On `Err` nothing is published.
///
/// ```
/// use cachemacro::{CacheEvent, invalidates};
/// # use std::io::Error;
/// # struct User { id: u64, version: u64 }
/// # struct Users;
///
/// #[derive(Clone, CacheEvent)]
/// #[event(name = "user.updated", key = "user:<id>", version = version)]
/// struct UserUpdated { id: u64, version: u64 }
///
/// impl Users {
///     // A writer: the event is made from the success value, or from arguments.
///     #[invalidates(|user| UserUpdated { id: user.id, version: user.version })]
///     async fn rename(&self, id: u64, name: &str) -> Result<User, Error> {
///         // The update, which counts the version up.
///         # let _ = name;
///         # Ok(User { id, version: 2 })
///     }
/// }
///
/// // A handler, perhaps in another service: the argument is the event.
/// #[invalidates(event)]
/// async fn on_user_updated(event: UserUpdated) -> Result<(), Error> {
///     # let _ = event;
///     Ok(())
/// }
/// ```
///
/// # Options
///
#[doc = include_str!("../docs/options.md")]
///
/// Arguments that an expression names are cloned before the body runs, so the body may move them.
///
/// A function that takes a transaction, a connection or an executor must say when its write is committed: `defer` or
/// `commits_itself`. A pool is none of these.
///
/// # Sync writers
///
/// When an async writer returns, the shared store has acknowledged its events, or its `on_error` applies. The same is true of
/// a sync writer: **it blocks its thread until then.** A thread of the cache talks to the store, so a sync writer works
/// anywhere: without a runtime, on a runtime of one thread, in `spawn_blocking`, in `Drop`, after the runtime has ended. It
/// blocks for at most `Redis::timeout` (250 ms by default) for each aggregate that its events name, and twice more: for the
/// channel, and for a connection that must be made first. Events that are not acknowledged by then are treated as `on_error` says.
///
/// Called from async code, a sync writer blocks a worker thread, and its other tasks wait. Where that matters, make the writer
/// async, or call it in `spawn_blocking`. With the in-process cache alone nothing blocks.
#[proc_macro_attribute]
pub fn invalidates(attribute: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::invalidates(attribute.into(), item.into()).into()
}

/// Makes a struct an event: a value that says that an aggregate has changed.
///
/// ```
/// use cachemacro::CacheEvent;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize, CacheEvent)]
/// #[event(name = "user.updated", key = "user:<id>", version = version)]
/// struct UserUpdated { id: u64, version: u64 }
/// ```
///
#[doc = include_str!("../docs/event.md")]
///
/// Other services receive an event that is `Serialize`, as JSON.
#[proc_macro_derive(CacheEvent, attributes(event))]
pub fn cache_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    pipeline::cache_event(input).into()
}

/// Lets a type be part of a key: newtypes, structs and enums of key parts.
///
/// ```
/// use cachemacro::KeyPart;
///
/// #[derive(KeyPart)]
/// struct UserId(u64);                       // 7
///
/// #[derive(KeyPart)]
/// struct Page { size: u32, at: u32 }        // (50,3)
///
/// #[derive(KeyPart)]
/// enum Sort { Newest, By(String) }          // Newest, By(name)
/// ```
///
/// `#[key(skip)]` leaves a field out of the key. `#[key(with = str::to_lowercase)]` puts into the key what a function or closure makes of a
/// reference to the field, which then needs no `KeyPart` itself.
///
/// Floats are not key parts: two that print alike may differ, and `NaN` differs from itself. The names of variants are
/// part of stored keys. `#[key_part(crate = path)]` says where `cachemacro` is when it is renamed.
#[proc_macro_derive(KeyPart, attributes(key_part, key))]
pub fn key_part(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    pipeline::key_part(input).into()
}
