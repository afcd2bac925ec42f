//! One consumer of a group: the commands and scripts on the group's streams.

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::store::{
    Answer, Claimed, Delivery, GroupConsumer, MessageId, Retry, Start, StoreError, StoreErrorKind,
};
use parking_lot::Mutex;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, Value};

use super::commands::{call, checked, eval, script};
use super::entry::{DeliveryId, Entry, EntryId, Source, array, number, streams, text};
use super::names::GroupNames;
use super::settled::{GroupState, SettledPosition, resume};
use crate::connection::{Link, OwnConnection};
use crate::scripts::{failed, millis};

/// About how many dead letters are kept for one group.
const LETTERS: usize = 10_000;
/// A server that does not answer within this time, beyond the time it was asked to block, counts as gone.
const GRACE: Duration = Duration::from_secs(2);
/// The pause after a read that found nothing, if the connection cannot block.
const POLL: Duration = Duration::from_millis(100);

const RENEW: &str = script!("holds.lua" "renew.lua");
const RETRY: &str = script!("holds.lua" "retry.lua");
const DEAD_LETTER: &str = script!("../../scripts/append.lua" "holds.lua" "dead_letter.lua");
const RELEASE: &str = script!("holds.lua" "release.lua");
const CLAIM: &str = script!("claim.lua");
const LEAVE: &str = script!("leave.lua");
const REMOVE_IDLE: &str = script!("remove_idle.lua");
const LOOK: &str = script!("../../scripts/text.lua" "look.lua");

/// A consumer, with a random name.
pub(crate) struct RedisConsumer {
    link: Arc<Link>,
    names: GroupNames,
    consumer: String,
    start: Start,
    /// The position at which the group is created again if the server loses it.
    settled: Mutex<Option<SettledPosition>>,
    /// The connection that blocks, between its reads.
    idle_reader: Mutex<Option<OwnConnection>>,
}

impl RedisConsumer {
    pub(crate) fn new(link: Arc<Link>, names: GroupNames, start: Start) -> Self {
        let consumer = format!("{:016x}", fastrand::u64(..));
        Self { link, names, consumer, start, settled: Mutex::new(None), idle_reader: Mutex::new(None) }
    }

    /// Creates the group if it does not exist: a new one at its configured start, a lost one at the position up to
    /// which it had settled everything. So no event is missed, and few are handled twice.
    async fn try_join(&self) -> Result<(), StoreError> {
        let group = self.look().await?;
        let settled = self.settled.lock().clone();
        let from = match (settled, self.start) {
            (Some(settled), _) => resume(&settled, &group).to_string(),
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

    async fn remember(&self) -> Result<(), StoreError> {
        if let Some(settled) = self.look().await?.settled() {
            *self.settled.lock() = Some(settled);
        }
        Ok(())
    }

    async fn look(&self) -> Result<GroupState, StoreError> {
        let call = eval(LOOK, &[&self.names.events, &self.names.head, &self.names.replays], &[&self.names.group]);
        let words = array(self.call("look at the stream", call).await?).unwrap_or_default();
        let word = |at: usize| words.get(at).and_then(text).unwrap_or_default();
        let id = |at: usize| EntryId::parse(&word(at));
        Ok(GroupState { incarnation: word(0), last: id(1), delivered: id(2), oldest_pending: id(3) })
    }

    async fn try_read(&self, count: usize, wait: Duration) -> Result<Vec<Delivery>, StoreError> {
        let idle = self.idle_reader.lock().take();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.link.own().await?,
        };
        let wait = wait.min(connection.longest_block());
        let read = tokio::time::timeout(wait + GRACE, self.read_streams(&mut connection, count, wait)).await;
        let read = match read {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                // `UNBLOCKED` is the reply to readers that were blocked on the stream when it was deleted.
                if let Some("NOGROUP" | "UNBLOCKED" | "WRONGTYPE") = error.code() {
                    *self.idle_reader.lock() = Some(connection);
                    return Err(StoreError::new(StoreErrorKind::Rejected, "read", "the server has lost the group"));
                }
                return Err(failed("read", error));
            }
            Err(_) => {
                return Err(StoreError::new(StoreErrorKind::TimedOut, "read", "the server did not answer in time"));
            }
        };
        *self.idle_reader.lock() = Some(connection);
        if read.is_empty() && wait.is_zero() {
            tokio::time::sleep(POLL).await;
        }
        Ok(read)
    }

    async fn read_streams(
        &self,
        connection: &mut OwnConnection,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, RedisError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&self.names.group).arg(&self.consumer).arg("COUNT").arg(count);
        if !wait.is_zero() {
            // BLOCK 0 would wait for ever.
            command.arg("BLOCK").arg(millis(wait));
        }
        command.arg("STREAMS").arg(&self.names.events).arg(&self.names.replays).arg(">").arg(">");
        let value = connection.req_packed_command(&command).await.and_then(Value::extract_error)?;
        let delivered = |(stream, entries): (Vec<u8>, Vec<Entry>)| {
            let source = self.names.source(&stream)?;
            Some(entries.into_iter().map(move |entry| entry.delivered(source, 1)))
        };
        Ok(streams(value).into_iter().filter_map(delivered).flatten().collect())
    }

    async fn try_claim(&self, idle: Duration, count: usize) -> Result<Claimed, StoreError> {
        let mut claimed = Claimed::default();
        for source in Source::ALL {
            let missing = count - claimed.deliveries.len();
            if missing > 0 {
                self.claim_from(source, idle, missing, &mut claimed).await?;
            }
        }
        Ok(claimed)
    }

    async fn claim_from(
        &self,
        source: Source,
        idle: Duration,
        count: usize,
        claimed: &mut Claimed,
    ) -> Result<(), StoreError> {
        let (mut cursor, mut missing, idle) = (EntryId::FIRST.to_string(), count, millis(idle).to_string());
        loop {
            let most = missing.to_string();
            let args = [&*self.names.group, &self.consumer, &idle, &cursor, &most];
            let value = self.call("claim", eval(CLAIM, &[self.names.stream(source)], &args)).await?;
            let mut parts = array(value).unwrap_or_default().into_iter();
            let next = parts.next().as_ref().and_then(text).unwrap_or_default();
            let entries = parts.next().and_then(array).unwrap_or_default();
            claimed.forgotten += parts.next().as_ref().and_then(number).map_or(0, i64::unsigned_abs);
            let before = claimed.deliveries.len();
            claimed.deliveries.extend(entries.into_iter().filter_map(|entry| {
                let (entry, more) = Entry::read(entry)?;
                Some(entry.delivered(source, more.first().and_then(number).map_or(1, i64::unsigned_abs)))
            }));
            missing = missing.saturating_sub(claimed.deliveries.len() - before);
            // A page may be empty although more follow: entries of live consumers can fill it.
            let is_last = next.is_empty() || EntryId::parse(&next) == Some(EntryId::FIRST);
            if is_last || missing == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn try_renew(&self, pending: &[MessageId]) -> Result<Vec<MessageId>, StoreError> {
        let mut lost = Vec::new();
        for (source, ids) in by_stream(pending) {
            let mut args: Vec<&str> = vec![&self.names.group, &self.consumer];
            args.extend(ids.iter().map(String::as_str));
            let value = self.call("renew", eval(RENEW, &[self.names.stream(source)], &args)).await?;
            let ids = array(value).unwrap_or_default();
            lost.extend(ids.iter().filter_map(text).map(|id| DeliveryId::message(source, &id)));
        }
        Ok(lost)
    }

    async fn try_retry(&self, message: &MessageId) -> Result<Retry, StoreError> {
        let DeliveryId { source, id } = DeliveryId::of(message);
        let args = [&*self.names.group, &self.consumer, &id];
        let value = self.call("retry", eval(RETRY, &[self.names.stream(source)], &args)).await?;
        Ok(match number(&value).unwrap_or_default() {
            ..0 => Retry::Lost,
            0 => Retry::Uncounted,
            count => Retry::Counted(count.unsigned_abs()),
        })
    }

    async fn try_acknowledge(&self, messages: &[MessageId]) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        for (source, ids) in by_stream(messages) {
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

    async fn try_dead_letter(&self, message: &Delivery, reason: &str) -> Result<bool, StoreError> {
        let DeliveryId { source, id } = DeliveryId::of(&message.id);
        let (letters, deliveries) = (LETTERS.to_string(), message.deliveries.to_string());
        let body = String::from_utf8_lossy(message.body.as_deref().unwrap_or_default());
        let is_own = if source == Source::Replays { "1" } else { "0" };
        let mut args: Vec<&str> = vec![&self.names.group, &self.consumer, &id, &letters, is_own];
        args.extend(["id", &message.first_id, "event", &message.event, "error", reason, "deliveries", &deliveries]);
        args.extend(["body", &body]);
        let keys = [self.names.stream(source), &self.names.dead];
        let value = self.call("dead letter", eval(DEAD_LETTER, &keys, &args)).await?;
        Ok(number(&value) == Some(1))
    }

    async fn try_release(&self, messages: &[(MessageId, u64)]) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        for source in Source::ALL {
            let mut args = vec![self.names.group.clone(), self.consumer.clone()];
            for (message, count) in messages {
                let id = DeliveryId::of(message);
                if id.source == source {
                    args.extend([id.id, count.to_string()]);
                }
            }
            if args.len() > 2 {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                pipeline.add_command(eval(RELEASE, &[self.names.stream(source)], &args));
            }
        }
        for value in self.run("release", pipeline).await? {
            checked("release", value)?;
        }
        Ok(())
    }

    async fn try_remove_idle(&self, idle: Duration) -> Result<(), StoreError> {
        let (keys, idle) = ([&*self.names.events, &self.names.replays], millis(idle).to_string());
        let command = eval(REMOVE_IDLE, &keys, &[&self.names.group, &self.consumer, &idle]);
        self.call("remove idle consumers", command).await.map(drop)
    }

    async fn try_leave(&self) -> Result<(), StoreError> {
        let keys = [&*self.names.events, &self.names.replays];
        self.call("leave the group", eval(LEAVE, &keys, &[&self.names.group, &self.consumer])).await.map(drop)
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

/// The messages of each stream that has some.
fn by_stream(messages: &[MessageId]) -> Vec<(Source, Vec<String>)> {
    let ids: Vec<_> = messages.iter().map(DeliveryId::of).collect();
    let of = |source| ids.iter().filter(|id| id.source == source).map(|id| id.id.clone()).collect();
    let all = Source::ALL.map(|source| (source, of(source)));
    all.into_iter().filter(|(_, ids): &(_, Vec<_>)| !ids.is_empty()).collect()
}

impl GroupConsumer for RedisConsumer {
    fn join(&self) -> Answer<'_, ()> {
        Box::pin(self.try_join())
    }

    fn read(&self, count: usize, wait: Duration) -> Answer<'_, Vec<Delivery>> {
        Box::pin(self.try_read(count, wait))
    }

    fn claim(&self, idle: Duration, count: usize) -> Answer<'_, Claimed> {
        Box::pin(self.try_claim(idle, count))
    }

    fn renew<'a>(&'a self, pending: &'a [MessageId]) -> Answer<'a, Vec<MessageId>> {
        Box::pin(self.try_renew(pending))
    }

    fn save_position(&self) -> Answer<'_, ()> {
        Box::pin(self.remember())
    }

    fn retry<'a>(&'a self, id: &'a MessageId) -> Answer<'a, Retry> {
        Box::pin(self.try_retry(id))
    }

    fn acknowledge<'a>(&'a self, ids: &'a [MessageId]) -> Answer<'a, ()> {
        Box::pin(self.try_acknowledge(ids))
    }

    fn dead_letter<'a>(&'a self, message: &'a Delivery, reason: &'a str) -> Answer<'a, bool> {
        Box::pin(self.try_dead_letter(message, reason))
    }

    fn release<'a>(&'a self, messages: &'a [(MessageId, u64)]) -> Answer<'a, ()> {
        Box::pin(self.try_release(messages))
    }

    fn remove_idle(&self, idle: Duration) -> Answer<'_, ()> {
        Box::pin(self.try_remove_idle(idle))
    }

    fn leave(&self) -> Answer<'_, ()> {
        Box::pin(self.try_leave())
    }
}
