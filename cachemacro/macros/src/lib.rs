//! The procedural macros of [`cachemacro`](https://docs.rs/cachemacro): `#[cached]`, `#[invalidates]`, and the derives
//! `CacheEvent` and `KeyPart`. Add `cachemacro` to your dependencies, not this crate: what the macros generate calls its
//! runtime.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod diag;
mod entry;
mod expand;
mod fallback;
mod fragment;
mod model;
mod parse;
mod validate;

/// Caches what a function returns, and keeps the cache right through writes, races, rollbacks and outages.
///
/// The function keeps its signature: callers, traits and mocks do not change.
///
/// ```ignore
/// use cachemacro::{CacheEvent, cached};
///
/// #[derive(Clone, Serialize, Deserialize, CacheEvent)]
/// #[event(name = "user.updated", key = "user:<id>", version = version)]
/// pub struct UserUpdated { pub id: u64, pub version: u64 }
///
/// impl Users {
///     #[cached(
///         key = "user:<id>",
///         version_from = |user| user.version,
///         invalidated_by(UserUpdated { id }),
///         soft_ttl = "60s", hard_ttl = "10m", negative_ttl = "10s",
///     )]
///     pub async fn find(&self, id: u64) -> Result<Option<User>, sqlx::Error> {
///         sqlx::query_as("select * from users where id = ?").bind(id).fetch_optional(&self.db).await
///     }
/// }
/// ```
///
/// # Attributes
///
/// | attribute | meaning | default |
/// |---|---|---|
/// | `key = "user:<id>"` | which calls share an entry: a template over the arguments, `<id>`, `<user.id>`, `<self.tenant>`, `<pair.0>` | required |
/// | `name = "find-user"` | what the function is called in a shared store: `A-Z`, `a-z`, `0-9`, `.`, `_`, `-`. Needed where two functions of a program have one path; keeps entries when a function is moved or renamed | its path, `shop::users::Users::find` |
/// | `invalidated_by(Event { id }, Other { org_id: org })` | the events that move this entry, and which arguments are their key fields | required, or `ttl_only` |
/// | `ttl_only = "why"` | no event: every change may go unseen until `hard_ttl`, for the written reason | |
/// | `hard_ttl = "10m"` | the longest that a value may be served | required |
/// | `soft_ttl = "60s"` | fresh until then; afterwards served while one refresh runs | `hard_ttl` |
/// | `negative_ttl = "10s"` | how long an absence is remembered | absences are not cached |
/// | `version_from = \|value\| value.version` | row mode: the loaded value carries its version | opaque mode |
/// | `version_from = self.db.version(id).await?` | source mode: the current version is asked for before each read | |
/// | `not_found = RepoError::NotFound(id)` | this error is an absence, and the expression rebuilds it | `None` and `Ok(None)` are absences |
/// | `jitter = "10%"` | subtracted at random from each TTL, `"0%"` to `"50%"` | `"10%"` |
/// | `early = 1.0` | probabilistic early refresh before `soft_ttl` ([XFetch] with this β) | off |
/// | `stale_if_error` | when a refresh fails, the stale value is served until `hard_ttl` | on if `soft_ttl` is below `hard_ttl` |
/// | `timeout = "2s"` | a deadline that cancels the load | none |
/// | `skip(db, trace)` | arguments on which the result does not depend | |
/// | `bypass_if = tx.is_some()` | calls that go past the cache, by a condition over the arguments | none |
/// | `autocommit(conn)`, `autocommit(self)` | as `skip(conn)`, for what is in no transaction, or holds no connection: calls with it are cached | past the cache, for connections and for `&mut` of what may hold one |
/// | `local` | this process only: no serde bounds, sync functions allowed | shared |
/// | `consistency = strict` | `strict` asks the shared store on every call; `bounded` lets the local tier answer | `bounded` |
/// | `refresh = inline` | who refreshes a stale entry: `background`, a task that owns clones of `self` and the arguments; `inline`, the first caller that sees it | `background` where possible |
/// | `cache_if = \|value\| value.is_final` | which values are worth keeping | all |
/// | `weight = \|value\| value.bytes.len()` | what a value costs, in bytes, in a store bounded by bytes | an estimate |
/// | `cache = self.cache` | the `Cache` to use | the process-wide one |
/// | `crate = path` | where `cachemacro` lives when renamed | `::cachemacro` |
///
/// Durations are `"500ms"`, `"60s"`, `"10m"`, `"1h30m"`, `"2d"`, or a constant of type `Duration`.
///
/// [XFetch]: https://cseweb.ucsd.edu/~avattani/papers/cache_stampede.pdf
///
/// # Return types
///
/// `T`, `Option<T>`, `Result<T, E>`, `Result<Option<T>, E>`, and every alias of them: the type decides, not its spelling.
/// An error is never cached, except as `not_found`. The value is `Clone + Send + Sync + 'static`, and serializable
/// unless `local`.
///
/// # Arguments
///
/// Every argument is in the key or in `skip`. Arguments can be owned, `&T`, `Option<&T>` or patterns. With
/// `refresh = background` they and `self` are cloned into the task; where a type borrows inside (`Cow<'_, str>`,
/// `&dyn Trait`, `impl Trait`), and for `&mut` arguments and `&mut self`, which must be skipped, the refresh is `inline`.
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
/// Every message says what is wrong and what to write instead, and all mistakes of one annotation are reported at once.
#[proc_macro_attribute]
pub fn cached(attribute: TokenStream, item: TokenStream) -> TokenStream {
    entry::cached(attribute.into(), item.into()).into()
}

/// Publishes events after a function succeeded; on `Err` nothing is published.
///
/// ```ignore
/// // A writer: the event is made from the success value, or from arguments.
/// #[invalidates(|user| UserUpdated { id: user.id, version: user.version })]
/// pub async fn rename(&self, id: u64, name: &str) -> Result<User, sqlx::Error> { /* the update */ }
///
/// // A handler, perhaps in another service: the argument is the event.
/// #[invalidates(event)]
/// async fn on_user_updated(event: UserUpdated) -> Result<(), HandlerError> { /* … */ }
/// ```
///
/// # Options
///
/// | option | meaning | default |
/// |---|---|---|
/// | *an expression* | an event, an `Option`, `Vec`, array or tuple of events, over the arguments; or a closure over the success value | at least one |
/// | `defer = pending` | the caller commits: the events wait in a `PendingEvents` until its `publish` | published on return |
/// | `commits_itself = "why"` | the function is given a connection, and commits before it returns | |
/// | `on_error = suspect` | if publishing fails, this process stops trusting the entries concerned until a retry succeeds | yes |
/// | `on_error = retry` | a bounded queue tries again, with backoff | |
/// | `on_error = fail` | the error reaches the caller, *after* the write | |
/// | `on_error = bounded` | it is logged, and the TTLs bound the damage | |
/// | `emits(UserUpdated)` | the event types, where the expression does not show them | read from the expression |
/// | `cache = self.cache` | the `Cache` to publish through | the process-wide one |
/// | `crate = path` | where `cachemacro` lives when renamed | `::cachemacro` |
///
/// Arguments that an expression names are cloned before the body runs, so the body may move them.
///
/// A function that takes a transaction, a connection or an executor must say when its write is committed: `defer` or
/// `commits_itself`. A pool is none of them.
///
/// # Writers that are no async functions
///
/// When an async writer returns, the shared store has acknowledged its events, or its `on_error` applies. The same holds for
/// a sync writer: **it blocks its thread until then.** A thread of the cache's own tells the store, so a sync writer works
/// anywhere: without a runtime, on a runtime of one thread, in `spawn_blocking`, in `Drop`, after the runtime has ended. It
/// blocks for at most `Redis::timeout` (250 ms by default) for each aggregate that its events name, and twice more: for the
/// channel, and for a connection that is yet to be made. What is not acknowledged by then is treated as `on_error` says.
///
/// Called from async code, a sync writer keeps a worker from its other tasks meanwhile. Where that matters, make the writer
/// async, or call it in `spawn_blocking`. With the in-process cache alone nothing blocks.
#[proc_macro_attribute]
pub fn invalidates(attribute: TokenStream, item: TokenStream) -> TokenStream {
    entry::invalidates(attribute.into(), item.into()).into()
}

/// Makes a struct an event: a value that says an aggregate moved.
///
/// ```ignore
/// #[derive(Clone, Serialize, Deserialize, CacheEvent)]
/// #[event(name = "user.updated", key = "user:<id>", version = version)]
/// pub struct UserUpdated { pub id: u64, pub version: u64 }
/// ```
///
/// | attribute | meaning | default |
/// |---|---|---|
/// | `name = "user.updated"` | what other services know it by: `a-z`, `0-9`, `.`, `_`, `-` | required |
/// | `key = "user:<id>"` | the aggregate it moves; placeholders are fields; may stand several times | required |
/// | `version = version` | the field with the new version of the first key's aggregate | what is cached of the aggregate becomes void |
/// | `restores = field` | a roll forward: the row got the content of that older version, written as `version` | |
/// | `rollback_to = field` | the database's own version went back to this one | |
/// | `crate = path` | where `cachemacro` lives when renamed | `::cachemacro` |
#[proc_macro_derive(CacheEvent, attributes(event))]
pub fn cache_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    entry::cache_event(input).into()
}

/// Lets a type stand in a key: newtypes, structs and enums of key parts.
///
/// ```ignore
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
/// Floats are not key parts: two that print alike may differ, and `NaN` differs from itself. The names of variants are
/// part of stored keys. `#[key_part(crate = path)]` says where `cachemacro` lives when renamed.
#[proc_macro_derive(KeyPart, attributes(key_part))]
pub fn key_part(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    entry::key_part(input).into()
}
