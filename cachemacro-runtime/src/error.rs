//! The errors of the runtime.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

/// An error of the cache itself. There are three: a timeout, a mode that forbids loading, and a failed invalidation.
///
/// It reaches the caller through the function's own error type, when that is `From<CacheError>` or `From<io::Error>`
/// (as `anyhow::Error`, `Box<dyn Error + Send + Sync>` and `sqlx::Error` are). In every other case the loader's value is
/// returned instead.
/// The variant is the kind of the error.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The load of this function took longer than its `timeout`, and there was no stale value to serve.
    #[error("the load behind `{function}` took longer than its timeout, and no stale value was left to serve")]
    TimedOut {
        /// The cached function.
        function: &'static str,
    },
    /// [`CacheMode::OnlyIfCached`](crate::CacheMode::OnlyIfCached) was in force and nothing was cached, or
    /// [`CacheMode::Forget`](crate::CacheMode::Forget) has ended what was.
    #[error(
        "`{function}` has nothing cached for these arguments, and the mode of the call, CacheMode::OnlyIfCached or CacheMode::Forget, \
         forbids loading"
    )]
    NotCached {
        /// The cached function.
        function: &'static str,
    },
    /// An invalidation did not reach the store. **The write itself has happened.**
    #[error("the write happened, but its invalidation of `{aggregate}` did not reach the cache store; it is retried")]
    Publish {
        /// The aggregate whose readers may see an older value until the retry succeeds.
        aggregate: String,
        /// What the store said.
        #[source]
        source: StoreError,
    },
}

impl From<CacheError> for io::Error {
    fn from(error: CacheError) -> Self {
        let kind = match &error {
            CacheError::TimedOut { .. } => io::ErrorKind::TimedOut,
            CacheError::NotCached { .. } => io::ErrorKind::NotFound,
            CacheError::Publish { .. } => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// A process-wide cache is already there.
#[derive(Clone, Copy, Debug, Error)]
#[non_exhaustive]
#[error(
    "a process-wide cache is already in use: install yours first thing in main, before any cached function runs \
     (a cached function that runs without one installs the default)"
)]
pub struct AlreadyInstalled;

/// No cached function of the program has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownFunction {
    /// The name.
    pub name: String,
    /// Functions that may be meant, as they are called outside of the process, the nearest name first. At most three.
    pub near: Vec<String>,
}

impl UnknownFunction {
    pub(crate) const fn new(name: String, near: Vec<String>) -> Self {
        Self { name, near }
    }
}

impl fmt::Display for UnknownFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no cached function of this program is called `{}`", self.name)?;
        match &*self.near {
            [] => f.write_str(
                ": give the name after `fn`, the name with its module, such as `shop::users::find`, or the one of `name = \"…\"`",
            ),
            [first, more @ ..] => {
                write!(f, ": did you mean `{first}`")?;
                more.iter().try_for_each(|name| write!(f, " or `{name}`"))?;
                f.write_str("?")
            }
        }
    }
}

impl std::error::Error for UnknownFunction {}

/// A store could not do what it was asked. The engine turns it into a miss and a count; no caller of a cached function
/// sees it. Publishers get it as the source of [`CacheError::Publish`].
///
/// The message does not contain the message of the source: print the chain of sources to see both.
///
/// ```
/// use cachemacro::store::{StoreError, StoreErrorKind};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = StoreError::new(StoreErrorKind::Unavailable, "lookup", "no connection to 127.0.0.1:7000").with_source(refused);
/// assert_eq!(error.to_string(), "the store could not lookup: no connection to 127.0.0.1:7000");
/// ```
#[derive(Clone, Debug, Error)]
#[error("the store could not {operation}: {reason}")]
#[non_exhaustive]
pub struct StoreError {
    /// What kind of failure it is.
    pub kind: StoreErrorKind,
    /// The operation: `lookup`, `enter`, `fill`, `verify`, `apply`, `detect`, `discard`; `announce`, `follow`; or one of an
    /// event log, such as `read`.
    pub operation: &'static str,
    /// Why not, and what to do about it.
    pub reason: String,
    /// The error underneath, if there is one.
    #[source]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of a [`StoreError`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, or is known to be down.
    Unavailable,
    /// No answer came in time.
    TimedOut,
    /// The store answered with an error: it lacks memory, or a permission.
    Rejected,
    /// The answer of the store cannot be read.
    InvalidAnswer,
    /// The caller ended the operation, or the runtime did that it ran on.
    Interrupted,
    /// The operation cannot run where it was called, for example outside of a tokio runtime.
    Unsupported,
}

impl StoreError {
    /// An error without a source.
    pub fn new(kind: StoreErrorKind, operation: &'static str, reason: impl Into<String>) -> Self {
        Self { kind, operation, reason: reason.into(), source: None }
    }

    /// With the error underneath. Its message need not be in the reason.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}
