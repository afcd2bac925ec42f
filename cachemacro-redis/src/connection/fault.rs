//! Failures on the way to the server. Their messages say what to do.

use std::time::Duration;

use cachemacro_runtime::store::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError, ServerError, ServerErrorKind, Value};

/// Why an operation got no answer. An error reply of the server to a command is not a fault, but an answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The breaker is open.
    Open,
    /// The caller runs outside of a tokio runtime.
    NoRuntime,
    /// No connection within the operation's time.
    NotConnected(Duration),
    /// The runtime on which a connection was being made has ended.
    Interrupted,
    /// No answer within the operation's time.
    NoAnswer(Duration),
    /// An error of the client library.
    Client(RedisError),
    /// The server is not a primary, but has this role.
    NotPrimary(String),
    /// The server is a primary that must have replicas, but has none: another primary may have replaced it.
    Alone,
    /// The server does not report its identity.
    NoIdentity,
    /// The answer was from another server than the one that was asked, and was dropped.
    Changed,
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        Self::Client(error)
    }
}

impl Fault {
    /// Whether the server or the connection failed: the breaker counts these.
    pub(crate) fn is_failure(&self) -> bool {
        match self {
            Self::Open | Self::NoRuntime | Self::Interrupted | Self::Changed => false,
            Self::NotConnected(_) | Self::NoAnswer(_) | Self::NotPrimary(_) | Self::Alone | Self::NoIdentity => true,
            // Several slots in one pipeline are an error of the caller.
            Self::Client(error) => error.kind() != ErrorKind::Server(ServerErrorKind::CrossSlot),
        }
    }

    /// Whether the operation timed out, here or in the client library.
    pub(crate) fn is_timeout(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::NoAnswer(_) => true,
            Self::Client(error) => error.is_timeout(),
            _ => false,
        }
    }

    pub(crate) fn into_error(self, operation: &'static str, address: &str) -> StoreError {
        let reason = match &self {
            Self::Open => {
                format!("Redis at {address} failed several times in a row; it is asked again once a probe succeeds")
            }
            Self::NoRuntime => {
                "no tokio runtime is at hand: call from within one, for example under `#[tokio::main]`".to_owned()
            }
            Self::NotConnected(time) => format!(
                "no connection to Redis at {address} within {time:?}: see whether the server is up and reachable, or allow \
                 more with `Redis::timeout`"
            ),
            Self::Interrupted => {
                format!(
                    "the runtime that was connecting to Redis at {address} has ended; the next operation connects anew"
                )
            }
            Self::NoAnswer(time) => format!(
                "Redis at {address} did not answer within {time:?}: see whether it is overloaded (SLOWLOG, LATENCY), or allow \
                 more with `Redis::timeout`"
            ),
            Self::Client(error) => format!("Redis at {address} failed{}", remedy(error)),
            Self::NotPrimary(role) => format!(
                "Redis at {address} is no primary (`role:{role}`): give the primary's address, or let Sentinel find it with \
                 `Redis::sentinel`"
            ),
            Self::Alone => format!(
                "Redis at {address} has no replica that follows, though `min-replicas-to-write` says it must: another server may \
                 have taken its place; see whether its replicas are up (INFO replication)"
            ),
            Self::NoIdentity => format!(
                "the server at {address} does not tell its `master_replid` in INFO replication: Redis or Valkey itself is \
                 needed, and the permission for INFO"
            ),
            Self::Changed => {
                format!(
                    "Redis at {address} was restarted or failed over, and its answer thrown away; the next operation asks anew"
                )
            }
        };
        let error = StoreError::new(self.kind(), operation, reason);
        match self {
            Self::Client(source) => error.with_source(source),
            _ => error,
        }
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::NoRuntime => StoreErrorKind::Unsupported,
            Self::Interrupted => StoreErrorKind::Interrupted,
            Self::NoIdentity => StoreErrorKind::Rejected,
            Self::Client(error) if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::AuthenticationFailed) => {
                StoreErrorKind::Rejected
            }
            _ if self.is_timeout() => StoreErrorKind::TimedOut,
            _ => StoreErrorKind::Unavailable,
        }
    }
}

fn remedy(error: &RedisError) -> &'static str {
    match error.kind() {
        ErrorKind::AuthenticationFailed => ": see the user name and the password",
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            ": allow this user INFO (`+info`), which tells one server from another"
        }
        ErrorKind::MasterNameNotFoundBySentinel => {
            ": see the name after `sentinel monitor` in the sentinels' configuration"
        }
        _ if error.is_connection_refusal() => ": see whether the server is up, and its address right",
        _ => "",
    }
}

/// Error replies that mean that the server cannot be used at all, in contrast to replies to one command.
fn is_unfit(kind: ServerErrorKind) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly};
    matches!(kind, BusyLoading | ReadOnly | MasterDown | ClusterDown)
}

/// The first reply that means that this server must not be used any longer. Before Redis 7 a script wraps it.
pub(crate) fn unfit(values: &[Value]) -> Option<&ServerError> {
    values.iter().find_map(|value| match value {
        Value::ServerError(error) => {
            let is_wrapped = || error.details().is_some_and(|details| details.contains("-READONLY "));
            (error.kind().is_some_and(is_unfit) || is_wrapped()).then_some(error)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> Value {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).expect("a reply")
    }

    #[test]
    fn only_what_concerns_the_whole_server_makes_it_unfit() {
        for line in
            ["READONLY You can't write", "LOADING Redis is loading", "MASTERDOWN Link", "CLUSTERDOWN The cluster"]
        {
            assert!(unfit(&[Value::Okay, answer(line)]).is_some(), "{line}");
        }
        assert!(
            unfit(&[answer("ERR Error running script (call to f_0): @user_script:1: -READONLY You can't")]).is_some()
        );
        for line in
            ["OOM command not allowed", "ERR unknown command", "NOSCRIPT No matching script", "WRONGTYPE Operation"]
        {
            assert!(unfit(&[answer(line)]).is_none(), "{line}");
        }
    }

    #[test]
    fn an_error_names_the_operation_the_server_and_the_remedy() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = Fault::Client(refused.into()).into_error("lookup", "127.0.0.1:1");
        assert_eq!(
            error.to_string(),
            "the store could not lookup: Redis at 127.0.0.1:1 failed: see whether the server is up, and its address right"
        );
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        let source = std::error::Error::source(&error).expect("the error of the client").to_string();
        assert!(source.contains("refused") && !error.to_string().contains(&source), "{source}");
    }
}
