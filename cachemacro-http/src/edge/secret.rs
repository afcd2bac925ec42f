//! Tokens, which are never shown.

use std::{env, fmt};

use http::HeaderValue;

use super::cdn::EdgeError;

/// A token, or why there is none.
#[derive(Clone)]
pub(crate) struct Token(Result<HeaderValue, Missing>);

#[derive(Clone)]
enum Missing {
    NotGiven,
    NotSet(String),
    NoHeaderValue(String),
}

impl Token {
    pub(crate) const NOT_GIVEN: Self = Self(Err(Missing::NotGiven));

    /// The value of an environment variable, without white space around it: files of secrets end with a line feed.
    pub(crate) fn from_env(variable: &str, prefix: &str) -> Self {
        match env::var(variable) {
            Ok(token) if !token.trim().is_empty() => Self::new(&token, prefix, variable),
            _ => Self(Err(Missing::NotSet(variable.to_owned()))),
        }
    }

    /// `source` is where it comes from.
    pub(crate) fn new(token: &str, prefix: &str, source: &str) -> Self {
        let Ok(mut value) = HeaderValue::from_str(&format!("{prefix}{}", token.trim())) else {
            return Self(Err(Missing::NoHeaderValue(source.to_owned())));
        };
        value.set_sensitive(true);
        Self(Ok(value))
    }

    /// `what` is what has the token: "the API token of the Fastly service `SU1Z`".
    pub(crate) fn check(&self, what: &str) -> Result<(), EdgeError> {
        let message = match &self.0 {
            Ok(_) => return Ok(()),
            Err(Missing::NotGiven) => {
                format!("{what} is missing: name the environment variable that has it with `.token_from_env(\"…\")`")
            }
            Err(Missing::NotSet(variable)) => {
                format!("the environment variable `{variable}` is not set, or empty: it has to be {what}")
            }
            Err(Missing::NoHeaderValue(source)) => {
                format!("what is in `{source}` cannot be {what}: a token is one line of visible characters")
            }
        };
        Err(EdgeError::new(message))
    }

    /// The header's value; an empty one if there is none.
    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone().unwrap_or(HeaderValue::from_static(""))
    }

    /// The text without the token.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let token = self.0.as_ref().ok().and_then(|value| value.to_str().ok()?.rsplit(' ').next());
        match token {
            Some(token) if !token.is_empty() => text.replace(token, "…"),
            _ => text.to_owned(),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_ok() { "Token(..)" } else { "Token(missing)" })
    }
}
