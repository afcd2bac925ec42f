//! The commands and scripts on a group's streams.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, Value};

use super::delivery::{Delivery, DeliveryId, Entry, EntryId, Source, array, number, streams, text};
use super::names::Names;
use crate::error::StoreError;
use crate::redis::link::{Link, OwnConnection};
use crate::redis::time::millis;
use crate::util::backoff::Backoff;
use crate::util::sync::{Mutex, lock};

/// The delays of a reader or worker whose server does not answer.
pub(super) const SERVER_BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5)).jitter(0.5);
/// About how many dead letters are kept for one group.
const LETTERS: usize = 10_000;

macro_rules! script {
    ($($part:literal)+) => {
        concat!($(include_str!(concat!("scripts/", $part))),+)
    };
}

const KEEP: &str = script!("holds.lua" "keep.lua");
const AGAIN: &str = script!("holds.lua" "again.lua");
const BURY: &str = script!("../../redis/scripts/append.lua" "holds.lua" "bury.lua");
const HAND_BACK: &str = script!("holds.lua" "hand_back.lua");
const CLAIM: &str = script!("claim.lua");
const RESIGN: &str = script!("resign.lua");
const SWEEP: &str = script!("sweep.lua");
const LOOK: &str = script!("../../redis/scripts/text.lua" "look.lua");

/// Where a new group begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Start {
    /// With events that come from now on.
    #[default]
    Now,
    /// With the oldest event in the stream.
    Oldest,
}

/// The position up to which a group has settled everything, and the incarnation of the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Mark {
    life: String,
    id: EntryId,
}

/// The state of the stream and of the group on the server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Look {
    life: String,
    last: Option<EntryId>,
    delivered: Option<EntryId>,
    oldest_pending: Option<EntryId>,
}

/// Why a read failed.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The group, or the whole stream, does not exist any more.
    NoGroup,
    /// The connection or its server cannot be used any more.
    Broken(String),
}

/// The streams, for one consumer of the group.
pub(super) struct Streams {
    link: Arc<Link>,
    names: Names,
    consumer: String,
    start: Start,
    /// The position at which the group is created again if the server loses it.
    mark: Mutex<Option<Mark>>,
}

impl Streams {
    pub(super) fn new(link: Arc<Link>, names: Names, start: Start) -> Self {
        let consumer = format!("{:016x}", fastrand::u64(..));
        Self { link, names, consumer, start, mark: Mutex::new(None) }
    }

    pub(super) async fn connect(&self) -> Result<OwnConnection, StoreError> {
        self.link.own().await
    }

    /// Creates the group if it does not exist: a new one at its configured start, a lost one at the position up to
    /// which it had settled everything. So no event is missed, and few are handled twice.
    pub(super) async fn ensure(&self) -> Result<(), StoreError> {
        let look = self.look().await?;
        let mark = lock(&self.mark).clone();
        let from = match (mark, self.start) {
            (Some(mark), _) => resume(&mark, &look).to_string(),
            (None, Start::Now) => "$".to_owned(),
            (None, Start::Oldest) => EntryId::FIRST.to_string(),
        };
        let mut pipeline = Pipeline::new();
        for (stream, from) in [(&self.names.events, from.as_str()), (&self.names.replays, "0-0")] {
            pipeline.cmd("XGROUP").arg("CREATE").arg(stream).arg(&self.names.group).arg(from).arg("MKSTREAM");
        }
        for value in self.run("join the group", pipeline).await? {
            match value {
                Value::ServerError(error) if error.code() == "BUSYGROUP" => {}
                other => drop(checked("join the group", other)?),
            }
        }
        self.remember().await
    }

    /// Stores the group's position, in case the server loses the group.
    pub(super) async fn remember(&self) -> Result<(), StoreError> {
        let look = self.look().await?;
        if let Some(mark) = look.mark() {
            *lock(&self.mark) = Some(mark);
        }
        Ok(())
    }

    async fn look(&self) -> Result<Look, StoreError> {
        let call = eval(LOOK, &[&self.names.events, &self.names.head, &self.names.replays], &[&self.names.group]);
        let words = array(self.call("look at the stream", call).await?).unwrap_or_default();
        let word = |at: usize| words.get(at).and_then(text).unwrap_or_default();
        let id = |at: usize| EntryId::parse(&word(at));
        Ok(Look { life: word(0), last: id(1), delivered: id(2), oldest_pending: id(3) })
    }

    /// Entries that were not delivered to any consumer yet; waits up to `wait` for the first.
    pub(super) async fn read(
        &self,
        connection: &mut OwnConnection,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, ReadError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&self.names.group).arg(&self.consumer).arg("COUNT").arg(count);
        if !wait.is_zero() {
            // BLOCK 0 would wait for ever.
            command.arg("BLOCK").arg(millis(wait));
        }
        command.arg("STREAMS").arg(&self.names.events).arg(&self.names.replays).arg(">").arg(">");
        let value = connection.req_packed_command(&command).await.and_then(Value::extract_error).map_err(read_error)?;
        let delivered = |(stream, entries): (Vec<u8>, Vec<Entry>)| {
            let source = self.names.source(&stream)?;
            Some(entries.into_iter().map(move |entry| entry.delivered(source, 1)))
        };
        Ok(streams(value).into_iter().filter_map(delivered).flatten().collect())
    }

    /// Takes over up to `count` entries of consumers that were silent for this time. Also returns how many of their
    /// entries the stream has trimmed.
    pub(super) async fn claim(
        &self,
        source: Source,
        silent: Duration,
        count: usize,
    ) -> Result<(Vec<Delivery>, u64), StoreError> {
        let (mut cursor, mut claimed, mut forgotten) = (EntryId::FIRST.to_string(), Vec::new(), 0);
        loop {
            let (silent, missing) = (millis(silent).to_string(), (count - claimed.len()).to_string());
            let args = [&*self.names.group, &self.consumer, &silent, &cursor, &missing];
            let value = self.call("claim", eval(CLAIM, &[self.names.stream(source)], &args)).await?;
            let mut parts = array(value).unwrap_or_default().into_iter();
            let next = parts.next().as_ref().and_then(text).unwrap_or_default();
            let entries = parts.next().and_then(array).unwrap_or_default();
            forgotten += parts.next().as_ref().and_then(number).map_or(0, i64::unsigned_abs);
            claimed.extend(entries.into_iter().filter_map(|entry| {
                let (entry, more) = Entry::read(entry)?;
                Some(entry.delivered(source, more.first().and_then(number).map_or(1, i64::unsigned_abs)))
            }));
            // A page may be empty although more follow: entries of live consumers can fill it.
            let is_last = next.is_empty() || EntryId::parse(&next) == Some(EntryId::FIRST);
            if is_last || claimed.len() >= count {
                return Ok((claimed, forgotten));
            }
            cursor = next;
        }
    }

    /// Reports that this consumer is alive and has these entries. Returns those that it no longer has.
    pub(super) async fn keep(&self, source: Source, ids: &[String]) -> Result<Vec<DeliveryId>, StoreError> {
        let mut args: Vec<&str> = vec![&self.names.group, &self.consumer];
        args.extend(ids.iter().map(String::as_str));
        let value = self.call("keep", eval(KEEP, &[self.names.stream(source)], &args)).await?;
        let lost = array(value).unwrap_or_default();
        Ok(lost.iter().filter_map(text).map(|id| DeliveryId { source, id }).collect())
    }

    /// Counts another delivery on the server. [`Again::Uncounted`]: the server no longer has the entry.
    /// [`Again::Lost`]: another consumer has it.
    pub(super) async fn again(&self, id: &DeliveryId) -> Result<Again, StoreError> {
        let args = [&*self.names.group, &self.consumer, &id.id];
        let value = self.call("retry", eval(AGAIN, &[self.names.stream(id.source)], &args)).await?;
        Ok(match number(&value).unwrap_or_default() {
            ..0 => Again::Lost,
            0 => Again::Uncounted,
            count => Again::Counted(count.unsigned_abs()),
        })
    }

    /// Settles entries that were handled.
    pub(super) async fn acknowledge(&self, ids: &[DeliveryId]) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        for source in Source::ALL {
            let ids: Vec<_> = ids.iter().filter(|id| id.source == source).map(|id| &*id.id).collect();
            if ids.is_empty() {
                continue;
            }
            let stream = self.names.stream(source);
            if source == Source::Replays {
                pipeline.cmd("XDEL").arg(stream).arg(&ids);
            }
            pipeline.cmd("XACK").arg(stream).arg(&self.names.group).arg(&ids);
        }
        for value in self.run("acknowledge", pipeline).await? {
            checked("acknowledge", value)?;
        }
        Ok(())
    }

    /// Makes an entry a dead letter, if this consumer still has it. Returns whether it did.
    pub(super) async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<bool, StoreError> {
        let DeliveryId { source, id } = &delivery.id;
        let (letters, deliveries) = (LETTERS.to_string(), delivery.deliveries.to_string());
        let is_own = if *source == Source::Replays { "1" } else { "0" };
        let mut args: Vec<&str> = vec![&self.names.group, &self.consumer, id, &letters, is_own];
        args.extend(["id", &delivery.origin, "event", &delivery.event, "error", reason, "deliveries", &deliveries]);
        args.extend(["body", delivery.body.text()]);
        let value = self.call("bury", eval(BURY, &[self.names.stream(*source), &self.names.dead], &args)).await?;
        Ok(number(&value) == Some(1))
    }

    /// Lets other consumers claim these entries at once.
    pub(super) async fn hand_back(&self, left: &[(DeliveryId, u64)]) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        for source in Source::ALL {
            let mut args = vec![self.names.group.clone(), self.consumer.clone()];
            for (id, count) in left.iter().filter(|(id, _)| id.source == source) {
                args.extend([id.id.clone(), count.to_string()]);
            }
            if args.len() > 2 {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                pipeline.add_command(eval(HAND_BACK, &[self.names.stream(source)], &args));
            }
        }
        for value in self.run("hand back", pipeline).await? {
            checked("hand back", value)?;
        }
        Ok(())
    }

    /// Removes this consumer from the group, if it has no pending entries.
    pub(super) async fn resign(&self) -> Result<(), StoreError> {
        let keys = [&*self.names.events, &self.names.replays];
        self.call("leave the group", eval(RESIGN, &keys, &[&self.names.group, &self.consumer])).await.map(drop)
    }

    /// Removes consumers without pending entries that were silent for this time.
    pub(super) async fn sweep(&self, silent: Duration) -> Result<(), StoreError> {
        let (keys, silent) = ([&*self.names.events, &self.names.replays], millis(silent).to_string());
        self.call("sweep", eval(SWEEP, &keys, &[&self.names.group, &self.consumer, &silent])).await.map(drop)
    }

    async fn call(&self, operation: &'static str, command: Cmd) -> Result<Value, StoreError> {
        call(&self.link, operation, command).await
    }

    async fn run(&self, operation: &'static str, pipeline: Pipeline) -> Result<Vec<Value>, StoreError> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.link.run(operation, |_| pipeline).await?.values)
    }
}

/// The result of counting another delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Again {
    Counted(u64),
    Uncounted,
    Lost,
}

impl Look {
    /// The position up to which everything is settled: pending entries, and entries that were not delivered, come after
    /// it.
    fn mark(&self) -> Option<Mark> {
        let delivered = self.delivered?;
        let settled = self.oldest_pending.map_or(delivered, |pending| pending.before().min(delivered));
        Some(Mark { life: self.life.clone(), id: settled })
    }
}

/// The id at which a lost group continues. In another incarnation of the stream, or if the stream ends before the mark, the
/// old ids do not apply, and all entries in it are new.
fn resume(mark: &Mark, look: &Look) -> EntryId {
    match look.last {
        Some(last) if look.life == mark.life && mark.id <= last => mark.id,
        _ => EntryId::FIRST,
    }
}

pub(super) async fn call(link: &Link, operation: &'static str, command: Cmd) -> Result<Value, StoreError> {
    let mut pipeline = Pipeline::new();
    pipeline.add_command(command);
    let values = link.run(operation, |_| pipeline).await?.values;
    checked(operation, values.into_iter().next().unwrap_or_default())
}

fn checked(operation: &'static str, value: Value) -> Result<Value, StoreError> {
    value.extract_error().map_err(|error| StoreError {
        operation,
        reason: format!("the server answered: {error}"),
        source: Some(Arc::new(error)),
    })
}

/// Sends the source each time: these scripts run rarely, and the server caches compiled scripts.
pub(super) fn eval(script: &str, keys: &[&str], args: &[&str]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(keys.len()).arg(keys).arg(args);
    command
}

fn read_error(error: RedisError) -> ReadError {
    match error.code() {
        // `UNBLOCKED` is the reply to readers that were blocked on the stream when it was deleted.
        Some("NOGROUP" | "UNBLOCKED" | "WRONGTYPE") => ReadError::NoGroup,
        _ => ReadError::Broken(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<EntryId> {
        EntryId::parse(text)
    }

    fn look(last: &str, delivered: &str, oldest_pending: &str) -> Look {
        Look { life: "a".to_owned(), last: id(last), delivered: id(delivered), oldest_pending: id(oldest_pending) }
    }

    #[test]
    fn the_mark_is_below_all_that_is_not_settled() {
        let mark = |look: Look| look.mark().map(|mark| mark.id.to_string());
        assert_eq!(mark(look("9-0", "7-0", "")).as_deref(), Some("7-0"));
        assert_eq!(mark(look("9-0", "7-0", "5-1")).as_deref(), Some("5-0"));
        assert_eq!(mark(look("9-0", "0-0", "")).as_deref(), Some("0-0"));
        assert_eq!(mark(look("9-0", "", "")), None, "there is no group");
    }

    #[test]
    fn a_lost_group_goes_on_where_it_was_if_the_stream_is_still_the_same() {
        let mark = look("9-0", "7-0", "").mark().expect("a group");
        assert_eq!(resume(&mark, &look("12-0", "", "")).to_string(), "7-0");
        assert_eq!(resume(&mark, &look("7-0", "", "")).to_string(), "7-0");
        assert_eq!(resume(&mark, &look("", "", "")), EntryId::FIRST, "the stream is gone");
        assert_eq!(resume(&mark, &look("6-0", "", "")), EntryId::FIRST, "it went back");
        let another = Look { life: "b".to_owned(), ..look("12-0", "", "") };
        assert_eq!(resume(&mark, &another), EntryId::FIRST);
    }
}
