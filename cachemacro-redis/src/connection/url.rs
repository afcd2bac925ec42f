//! URLs of servers, and their errors.

use redis::{ConnectionInfo, IntoConnectionInfo, RedisError};

const SCHEMES: [&str; 7] = ["redis", "rediss", "valkey", "valkeys", "unix", "redis+unix", "valkey+unix"];

/// An invalid URL, or an invalid list of URLs. The message never shows a password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RedisConfigError {
    message: String,
}

impl RedisConfigError {
    #[cfg(feature = "cluster")]
    pub(crate) fn of_cluster(addresses: &str, error: &RedisError) -> Self {
        Self { message: format!("the Redis Cluster of {addresses}: {error}") }
    }

    fn of_url(shown: &str, reason: &str) -> Self {
        Self { message: format!("the Redis URL {shown} {reason}") }
    }
}

/// The server that a URL leads to.
pub(crate) fn read(url: &str) -> Result<ConnectionInfo, RedisConfigError> {
    let Some(scheme) = scheme(url) else {
        let reason = "has no scheme: write `redis://host:port/db`, `rediss://…` for TLS, or `unix:///path`";
        return Err(RedisConfigError::of_url("`…`", reason));
    };
    // Only the scheme may be shown: a password that is not encoded may be anywhere behind it.
    let shown = format!("`{scheme}://…`");
    let wrong = |reason: &str| RedisConfigError::of_url(&shown, reason);
    if !SCHEMES.contains(&scheme) {
        return Err(wrong("has a scheme that is not Redis's: use `redis`, `rediss` for TLS, or `unix`"));
    }
    let unreadable = "cannot be read: see its host and port, and percent-encode what is special in user and password";
    let parsed = redis::parse_redis_url(url).ok_or_else(|| wrong(unreadable))?;
    // `redis://user:1/2@host` would be read as port 1 of the host `user`.
    let tail = [Some(parsed.path()), parsed.query(), parsed.fragment()];
    if !scheme.ends_with("unix") && tail.into_iter().flatten().any(|part| part.contains('@')) {
        return Err(wrong("has an `@` behind its host: percent-encode `/`, `?` and `#` in user and password"));
    }
    let shown = match parsed.host_str() {
        Some(host) => format!("`{scheme}://{host}…`"),
        None => shown.clone(),
    };
    parsed.into_connection_info().map_err(|error| RedisConfigError::of_url(&shown, &reason(&error)))
}

/// The servers that these URLs lead to; at least one.
pub(crate) fn read_all<U: AsRef<str>>(
    urls: impl IntoIterator<Item = U>,
) -> Result<Vec<ConnectionInfo>, RedisConfigError> {
    let mut servers = Vec::new();
    for (index, url) in urls.into_iter().enumerate() {
        let server = read(url.as_ref());
        servers.push(server.map_err(|error| RedisConfigError { message: format!("URL {}: {error}", index + 1) })?);
    }
    if servers.is_empty() {
        return Err(RedisConfigError { message: "no Redis URL at all: give one or more".to_owned() });
    }
    Ok(servers)
}

/// The text before `://`, if it can be a scheme.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    let is_one = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'+');
    is_one.then_some(scheme)
}

/// The messages of the client library are fixed texts without parts of the URL.
fn reason(error: &RedisError) -> String {
    let text = error.to_string();
    if text.contains("TLS, the feature is not enabled") {
        return "asks for TLS: add `redis = { version = \"1\", features = [\"tokio-rustls-comp\"] }` to your dependencies"
            .to_owned();
    }
    format!("leads to no server: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_all_kinds_are_read() {
        for (url, address) in [
            ("redis://127.0.0.1", "127.0.0.1:6379"),
            ("redis://user:secret@host:7000/3", "host:7000"),
            ("valkey://host", "host:6379"),
            ("unix:///run/redis.sock?db=2&pass=se@cret", "/run/redis.sock"),
        ] {
            assert_eq!(read(url).expect(url).addr().to_string(), address);
        }
    }

    #[test]
    fn an_error_says_what_is_wrong_and_shows_no_password() {
        for (url, expected) in [
            ("127.0.0.1:6379", "has no scheme"),
            ("secret@host", "has no scheme"),
            ("Secret://host", "has no scheme"),
            ("http://:secret@host", "`http://…` has a scheme that is not Redis's"),
            ("redis://:secret", "`redis://…` cannot be read"),
            ("redis://:secret@host:port", "`redis://…` cannot be read"),
            ("redis://:secret/x@host", "`redis://…` cannot be read"),
            ("redis://:12/secret@host", "`redis://…` cannot be read"),
            ("redis://user:12/secret@host", "has an `@` behind its host"),
            ("redis://user:12?secret@host", "has an `@` behind its host"),
            ("redis://user:12#secret@host", "has an `@` behind its host"),
            ("redis://:secret@host/zero", "`redis://host…` leads to no server: Invalid database number"),
            ("redis://:secret@0.0.0.0", "Cannot connect to a wildcard address"),
            ("redis://", "leads to no server: Missing hostname"),
        ] {
            let message = read(url).expect_err(url).to_string();
            assert!(message.contains(expected), "{url}: {message}");
            assert!(!message.to_lowercase().contains("secret"), "{url}: {message}");
        }
    }

    #[test]
    fn a_list_tells_which_is_wrong_and_must_not_be_empty() {
        let message = read_all(["redis://host", "host"]).expect_err("no scheme").to_string();
        assert!(message.starts_with("URL 2: "), "{message}");
        assert!(read_all([""; 0]).is_err());
    }
}
