//! The channel of announcements: a stream. Each process keeps its own position in it (R14).
//!
//! Announcements are numbered from the creation of the stream, and the head key holds the last number. A reader that
//! finds the numbers without a gap, up to the head's, has missed none.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::Clock;
use cachemacro_runtime::store::{
    Aggregate, Announcement, Answer, Followed, InvalidationChannel, Notice, Position, StoreError, StoreErrorKind,
};
use parking_lot::Mutex;
use redis::streams::{StreamId, StreamReadReply};
use tokio::time::Instant;

use super::announcement::{parse, render};
use crate::config::{OnFailover, Redis};
use crate::connection::{OwnConnection, ServerEpoch};
use crate::lookup::random;
use crate::scripts::{ANNOUNCE, Server, TAIL, failed, get, millis, single};
use crate::store::RedisStore;

/// About so many announcements are kept, for processes that were disconnected.
const KEPT: usize = 100_000;
/// The most announcements that one call of the script appends, or one read returns.
const BATCH: usize = 500;
/// The longest blocking read; after it the reader asks again.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// How often the stream is polled where commands may not block.
const POLL: Duration = Duration::from_millis(100);
/// A server that does not answer within this time, beyond the time it was asked to block, counts as gone.
const GRACE: Duration = Duration::from_secs(2);

/// The content of a [`Position`].
#[derive(Clone, PartialEq, Eq, Debug)]
struct StreamPosition {
    incarnation: String,
    number: u64,
    /// The stream id of the announcement that was read last.
    id: String,
    /// The epoch of the server that it was read from. Another server may have lost announcements that were not read yet
    /// (R21).
    epoch: String,
}

impl StreamPosition {
    fn parse(position: &Position) -> Option<Self> {
        let mut words = position.0.split(' ');
        let mut word = || words.next().map(str::to_owned);
        let at = Self { incarnation: word()?, number: word()?.parse().ok()?, id: word()?, epoch: word()? };
        words.next().is_none().then_some(at)
    }

    fn position(&self) -> Position {
        let Self { incarnation, number, id, epoch } = self;
        Position(format!("{incarnation} {number} {id} {epoch}"))
    }
}

/// The [`InvalidationChannel`] on Redis or Valkey: a stream that all processes of a namespace follow.
pub struct RedisChannel {
    server: Server,
    /// The keys of the stream, and of its head.
    events: String,
    head: String,
    /// The connection that follows the channel, between its reads.
    idle_reader: Mutex<Option<OwnConnection>>,
    config: Redis,
    clock: Arc<dyn Clock>,
}

impl RedisChannel {
    /// The channel of this store's namespace, over the store's connection.
    #[must_use]
    pub fn new(store: &RedisStore) -> Self {
        let (records, config) = (&store.records, store.config.clone());
        let keys = [records.keys.events(), records.keys.head()];
        Self::over(records.server.clone(), keys, config, Arc::clone(&records.clock))
    }

    fn over(server: Server, [events, head]: [String; 2], config: Redis, clock: Arc<dyn Clock>) -> Self {
        Self { server, events, head, idle_reader: Mutex::default(), config, clock }
    }

    async fn try_announce(&self, announcements: &[Announcement]) -> Result<(), StoreError> {
        for batch in announcements.chunks(BATCH) {
            let mut answers = self
                .server
                .run("announce", |_, how| {
                    let mut call = ANNOUNCE.on(&self.events).key(&self.head).arg(random()).arg(KEPT);
                    for Announcement { event, notices } in batch {
                        let lines: Vec<_> = notices.iter().map(|(name, notice)| render(name, *notice)).collect();
                        let (name, body) = event.as_ref().map_or(("", ""), |(name, body)| (*name, body.as_str()));
                        call = call.arg(name).arg(body).arg(lines.join("\n"));
                    }
                    single(&call, how)
                })
                .await?;
            answers.next::<String>()?;
        }
        Ok(())
    }

    async fn try_follow(&self, from: Option<&Position>, wait: Duration) -> Result<Followed, StoreError> {
        let read = match from.map(StreamPosition::parse) {
            None => return self.end(false).await,
            Some(None) => None,
            Some(Some(at)) => self.read_on(at, wait).await?,
        };
        match read {
            Some(followed) => Ok(followed),
            None => self.end(true).await,
        }
    }

    /// The current end of the channel.
    async fn end(&self, has_gap: bool) -> Result<Followed, StoreError> {
        let mut answers = self
            .server
            .run("follow", |_, how| single(&TAIL.on(&self.events).key(&self.head).arg(random()), how))
            .await?;
        let (incarnation, number, id) = answers.next::<(String, u64, String)>()?;
        let at = StreamPosition { incarnation, number, id, epoch: answers.epoch.to_string() };
        Ok(Followed { position: at.position(), notices: Vec::new(), has_gap })
    }

    /// `None` where announcements are missing.
    async fn read_on(&self, mut at: StreamPosition, wait: Duration) -> Result<Option<Followed>, StoreError> {
        let idle = self.idle_reader.lock().take();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.server.link().own().await?,
        };
        if self.is_suspect(&at, connection.epoch()) {
            return Ok(None);
        }
        let mut notices = Vec::new();
        let until = Instant::now() + wait.min(LONGEST_WAIT);
        let mut missed = false;
        loop {
            let left = if missed { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
            let Some(read) = self.read_stream(&mut connection, &at.id, left).await? else { return Ok(None) };
            let is_empty = read.is_empty();
            if !read.into_iter().all(|one| step(&mut at, &mut notices, &one)) {
                return Ok(None);
            }
            match self.read_head(&at).await? {
                Some(number) if number == at.number => {
                    if !notices.is_empty() || left.is_zero() {
                        break;
                    }
                }
                // Announced after the stream was read, or trimmed from it.
                Some(number) if number > at.number && !(is_empty && missed) => missed = true,
                _ => return Ok(None),
            }
            if is_empty && connection.longest_block().is_zero() && !missed {
                tokio::time::sleep(left.min(POLL)).await;
            }
        }
        *self.idle_reader.lock() = Some(connection);
        Ok(Some(Followed { position: at.position(), notices, has_gap: false }))
    }

    fn is_suspect(&self, at: &StreamPosition, epoch: ServerEpoch) -> bool {
        self.config.failover() != OnFailover::Trust && at.epoch != epoch.to_string()
    }

    /// `None` where the key holds a value of another type.
    async fn read_stream(
        &self,
        connection: &mut OwnConnection,
        after: &str,
        wait: Duration,
    ) -> Result<Option<Vec<StreamId>>, StoreError> {
        let wait = wait.min(connection.longest_block());
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(BATCH);
        if !wait.is_zero() {
            // BLOCK 0 would wait for ever.
            command.arg("BLOCK").arg(millis(wait));
        }
        command.arg("STREAMS").arg(&self.events).arg(after);
        let read = tokio::time::timeout(wait.saturating_add(GRACE), command.query_async(connection)).await;
        let Ok(read) = read else {
            return Err(StoreError::new(StoreErrorKind::TimedOut, "follow", "the server did not answer in time"));
        };
        let read: Option<StreamReadReply> = match read {
            Err(error) if error.code() == Some("WRONGTYPE") => return Ok(None),
            read => read.map_err(|error| failed("follow", error))?,
        };
        Ok(Some(read.into_iter().flat_map(|reply| reply.keys).flat_map(|stream| stream.ids).collect()))
    }

    /// The number of the last announcement, if the position is in this stream.
    ///
    /// Asked over the link, which knows the server of each answer; the reader's connection may be to an earlier server.
    async fn read_head(&self, at: &StreamPosition) -> Result<Option<u64>, StoreError> {
        let mut answers = self.server.run("follow", |_, _| get(&self.head)).await?;
        let head = answers.text()?;
        let head = head.as_deref().and_then(|head| std::str::from_utf8(head).ok());
        let (incarnation, number) = head.and_then(|head| head.split_once(' ')).unwrap_or_default();
        let is_same = incarnation == at.incarnation && !self.is_suspect(at, answers.epoch);
        Ok(number.parse().ok().filter(|_| is_same))
    }
}

impl InvalidationChannel for RedisChannel {
    fn announce<'a>(&'a self, announcements: &'a [Announcement]) -> Answer<'a, ()> {
        Box::pin(self.try_announce(announcements))
    }

    fn follow<'a>(&'a self, from: Option<&'a Position>, wait: Duration) -> Answer<'a, Followed> {
        Box::pin(self.try_follow(from, wait))
    }

    fn detached(&self) -> Option<Arc<dyn InvalidationChannel>> {
        let server = self.server.detached(&self.config, &self.clock);
        let keys = [self.events.clone(), self.head.clone()];
        Some(Arc::new(Self::over(server, keys, self.config.clone(), Arc::clone(&self.clock))))
    }
}

impl fmt::Debug for RedisChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisChannel").field("events", &self.events).finish_non_exhaustive()
    }
}

/// Moves the position to this announcement, if it is the next one.
fn step(at: &mut StreamPosition, notices: &mut Vec<(Aggregate, Notice)>, read: &StreamId) -> bool {
    let (Some(incarnation), Some(number), Some(moves)) =
        (read.get::<String>("life"), read.get::<u64>("n"), read.get::<String>("moves"))
    else {
        return false;
    };
    let Some(told) =
        parse(&moves).filter(|_| at.incarnation == incarnation && at.number.checked_add(1) == Some(number))
    else {
        return false;
    };
    notices.extend(told);
    at.number = number;
    at.id.clone_from(&read.id);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let text = "9f86d081884c7d65 7 1767225600000-0 1a2b3c4d5e6f7081";
        let position = Position(text.to_owned());
        assert_eq!(StreamPosition::parse(&position).map(|at| at.position()), Some(position));
        for at in 0..text.rfind(' ').unwrap_or(0) {
            assert_eq!(StreamPosition::parse(&Position(text[..at].to_owned())), None);
        }
        assert_eq!(StreamPosition::parse(&Position(format!("{text} more"))), None);
    }
}
