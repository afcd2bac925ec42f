//! Runs commands and scripts on the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use cachemacro_runtime::store::{StoreError, StoreErrorKind};
use cachemacro_runtime::{Clock, Moment};
use redis::{FromRedisValue, Pipeline, RedisError, ServerErrorKind, Value};

use super::script::{How, Invocation};
use super::time::Sample;
use crate::config::Redis;
use crate::connection::{Link, Reply, ServerEpoch, Session};

/// Clones share the link.
#[derive(Clone)]
pub(crate) struct Server {
    link: Arc<Link>,
    /// The epoch of the server that answered last.
    last: Arc<AtomicU64>,
    /// The same server over a link for callers that block their thread. It is made once, for the store and the channel.
    detached: Arc<OnceLock<Server>>,
}

/// The answers to one pipeline, one by one.
pub(crate) struct Answers {
    operation: &'static str,
    values: std::vec::IntoIter<Value>,
    /// The epoch of the server that answered.
    pub(crate) epoch: ServerEpoch,
    sent: Moment,
    received: Moment,
}

impl Server {
    pub(crate) fn new(config: &Redis, clock: Arc<dyn Clock>) -> Self {
        Self::over(Link::new(config.endpoint().clone(), config.operation_timeout(), clock))
    }

    fn over(link: Arc<Link>) -> Self {
        Self { link, last: Arc::default(), detached: Arc::default() }
    }

    /// The server, for callers that block their thread.
    pub(crate) fn detached(&self, config: &Redis, clock: &Arc<dyn Clock>) -> Self {
        let link =
            || Link::for_blocked_callers(config.endpoint().clone(), config.operation_timeout(), Arc::clone(clock));
        self.detached.get_or_init(|| Self::over(link())).clone()
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The epoch of the server that answered last.
    pub(crate) fn epoch(&self) -> ServerEpoch {
        ServerEpoch::from_bits(self.last.load(Ordering::Relaxed))
    }

    /// Runs the pipeline that `build` makes for the connection. If the server does not know a script, runs it again
    /// with the sources. `build` is called each time, so that no random id is sent twice.
    pub(crate) async fn run(
        &self,
        operation: &'static str,
        build: impl Fn(&Session, How) -> Pipeline,
    ) -> Result<Answers, StoreError> {
        let mut reply = self.link.run(operation, |session| build(session, How::ByHash)).await?;
        if reply.values.iter().any(is_no_script) {
            reply = self.link.run(operation, |session| build(session, How::BySource)).await?;
        }
        let Reply { values, epoch, sent, received } = reply;
        self.last.store(epoch.to_bits(), Ordering::Relaxed);
        Ok(Answers { operation, values: values.into_iter(), epoch, sent, received })
    }
}

fn is_no_script(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript))
}

impl Answers {
    pub(crate) fn next<T: FromRedisValue>(&mut self) -> Result<T, StoreError> {
        let read = self.values.next().unwrap_or(Value::Nil).extract_error();
        let read = read.and_then(|value| Ok(T::from_redis_value(value)?));
        read.map_err(|error| failed(self.operation, error))
    }

    /// The answer to [`get`], which uses `MGET`: a value of another type counts as absent, while `GET` would fail.
    pub(crate) fn text(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.next::<(Option<Vec<u8>>,)>().map(|(text,)| text)
    }

    /// The next answer, which has one part for each key of the command.
    pub(crate) fn sequence(&mut self) -> Result<Vec<Value>, StoreError> {
        match self.values.next() {
            Some(Value::Array(values)) => Ok(values),
            Some(Value::ServerError(error)) => Err(failed(self.operation, error.into())),
            other => Err(self.unexpected(&format!("{other:?}"))),
        }
    }

    /// The error for a result that no script returns: the server is not Redis, or another program wrote its data.
    pub(crate) fn unexpected(&self, word: &str) -> StoreError {
        let reason = format!("the server's answer makes no sense: {word:?}");
        StoreError::new(StoreErrorKind::InvalidAnswer, self.operation, reason)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.as_slice().is_empty()
    }

    /// A sample of the server's clock, from one of the answers.
    pub(crate) fn sample(&self, micros: u64) -> Sample {
        Sample { before: self.sent, after: self.received, server: micros }
    }
}

/// The error for an error reply to one command.
pub(crate) fn failed(operation: &'static str, error: RedisError) -> StoreError {
    StoreError::new(StoreErrorKind::Rejected, operation, "the server answered with an error").with_source(error)
}

/// A pipeline of one script.
pub(crate) fn single(call: &Invocation, how: How) -> Pipeline {
    let mut pipeline = Pipeline::new();
    pipeline.add_command(call.command(how));
    pipeline
}

/// A pipeline that reads one key; see [`Answers::text`].
pub(crate) fn get(key: &str) -> Pipeline {
    let mut pipeline = Pipeline::new();
    pipeline.cmd("MGET").arg(key);
    pipeline
}
