//! One entry of a stream, as the server returns it. Other programs may append to the streams, so every part of an entry is
//! checked.

use std::fmt;

use cachemacro_runtime::store::{Aggregate, Delivery, MessageId};
use redis::Value;

use crate::channel::parse;

/// Which of a group's two streams an entry is in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Source {
    /// The stream that all groups and tiers share.
    Events,
    /// The group's own stream, for dead letters that are handled again.
    Replays,
}

impl Source {
    pub(crate) const ALL: [Self; 2] = [Self::Events, Self::Replays];
}

/// The stream and the id of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DeliveryId {
    pub(crate) source: Source,
    pub(crate) id: String,
}

/// How the ids of messages begin that are in the group's own stream.
const REPLAYED: &str = "retry:";

impl DeliveryId {
    pub(crate) fn of(message: &MessageId) -> Self {
        match message.0.strip_prefix(REPLAYED) {
            Some(id) => Self { source: Source::Replays, id: id.to_owned() },
            None => Self { source: Source::Events, id: message.0.clone() },
        }
    }

    pub(crate) fn message(source: Source, id: &str) -> MessageId {
        match source {
            Source::Events => MessageId(id.to_owned()),
            Source::Replays => MessageId(format!("{REPLAYED}{id}")),
        }
    }
}

/// A stream entry as the server returns it: `[id, [field, value, …]]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Entry {
    /// `None` if this is not an entry. The entry has no fields if it was trimmed from the stream meanwhile.
    pub(crate) fn read(value: Value) -> Option<(Self, Vec<Value>)> {
        let mut parts = array(value)?.into_iter();
        let id = text(&parts.next()?)?;
        let mut values = array(parts.next()?).unwrap_or_default().into_iter();
        let mut fields = Vec::new();
        while let (Some(field), Some(value)) = (values.next(), values.next()) {
            fields.push((bytes(&field)?.to_vec(), bytes(&value)?.to_vec()));
        }
        Some((Self { id, fields }, parts.collect()))
    }

    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(field, _)| field == name.as_bytes()).map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(self.field(name).unwrap_or_default()).into_owned()
    }

    fn moved(&self) -> Option<Vec<Aggregate>> {
        let lines = str::from_utf8(self.field("moves")?).ok()?;
        Some(parse(lines)?.into_iter().map(|(aggregate, _)| aggregate).collect())
    }

    pub(crate) fn delivered(self, source: Source, deliveries: u64) -> Delivery {
        let first_id = match source {
            Source::Replays if self.field("id").is_some() => self.text("id"),
            _ => self.id.clone(),
        };
        Delivery {
            id: DeliveryId::message(source, &self.id),
            first_id,
            event: self.text("event"),
            body: self.field("body").map(<[u8]>::to_vec),
            moved: self.moved(),
            deliveries,
        }
    }
}

/// The entries in the answer to XREADGROUP, by the key of their stream. Reads both versions of the server's protocol.
pub(crate) fn streams(value: Value) -> Vec<(Vec<u8>, Vec<Entry>)> {
    let pairs: Vec<(Value, Value)> = match value {
        Value::Map(pairs) => pairs,
        other => array(other).into_iter().flatten().filter_map(pair).collect(),
    };
    let read = |(key, entries): (Value, Value)| {
        let entries = array(entries)?.into_iter().filter_map(|entry| Some(Entry::read(entry)?.0));
        Some((bytes(&key)?.to_vec(), entries.collect()))
    };
    pairs.into_iter().filter_map(read).collect()
}

fn pair(value: Value) -> Option<(Value, Value)> {
    let mut parts = array(value)?.into_iter();
    Some((parts.next()?, parts.next()?))
}

pub(crate) fn array(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(values) | Value::Set(values) => Some(values),
        _ => None,
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.as_bytes()),
        _ => None,
    }
}

pub(crate) fn text(value: &Value) -> Option<String> {
    bytes(value).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

pub(crate) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        other => text(other)?.parse().ok(),
    }
}

/// The id of a stream entry. It has the order of the stream; its text does not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct EntryId {
    pub(crate) millis: u64,
    number: u64,
}

impl EntryId {
    pub(crate) const FIRST: Self = Self { millis: 0, number: 0 };

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (millis, number) = text.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, number: number.parse().ok()? })
    }

    /// The greatest id below this one.
    pub(crate) fn before(self) -> Self {
        match (self.millis, self.number) {
            (0, 0) => Self::FIRST,
            (millis, 0) => Self { millis: millis - 1, number: u64::MAX },
            (millis, number) => Self { millis, number: number - 1 },
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &[u8]) -> Value {
        Value::BulkString(text.to_vec())
    }

    fn entry(id: &str, fields: &[(&[u8], &[u8])]) -> Value {
        let fields = fields.iter().flat_map(|(name, value)| [bulk(name), bulk(value)]).collect();
        Value::Array(vec![bulk(id.as_bytes()), Value::Array(fields)])
    }

    fn delivery(source: Source, fields: &[(&[u8], &[u8])]) -> Delivery {
        Entry::read(entry("5-1", fields)).expect("an entry").0.delivered(source, 1)
    }

    #[test]
    fn an_announced_event_is_read() {
        let fields: &[(&[u8], &[u8])] = &[(b"n", b"7"), (b"event", b"user.updated"), (b"body", b"{}")];
        let read = delivery(Source::Events, fields);
        assert_eq!((read.event.as_str(), read.first_id.as_str()), ("user.updated", "5-1"));
        assert_eq!(read.body.as_deref(), Some(&b"{}"[..]));
        assert_eq!(read.moved, None, "it does not say what it moves");
        let moves: &[(&[u8], &[u8])] = &[(b"n", b"7"), (b"moves", b"bump user:1 7\nnext a!20b")];
        let moved = delivery(Source::Events, moves).moved.expect("two aggregates");
        assert_eq!(moved, [Aggregate::new("user:1"), Aggregate::new("a b")]);
        assert_eq!(delivery(Source::Events, &[(b"moves", b"shake user:1")]).moved, None);
    }

    #[test]
    fn a_replayed_letter_keeps_its_first_id() {
        let fields: &[(&[u8], &[u8])] = &[(b"id", b"1-1"), (b"event", b"a"), (b"body", b"{}")];
        assert_eq!(delivery(Source::Replays, fields).first_id, "1-1");
        assert_eq!(delivery(Source::Events, fields).first_id, "5-1", "in the shared stream `id` means nothing");
    }

    #[test]
    fn a_message_is_found_in_its_stream() {
        for source in Source::ALL {
            let delivery = DeliveryId { source, id: "5-1".to_owned() };
            assert_eq!(DeliveryId::of(&DeliveryId::message(source, "5-1")), delivery);
        }
    }

    #[test]
    fn garbage_is_read_as_what_is_left_of_it() {
        let read = delivery(Source::Events, &[(b"event", b"a"), (b"body", b"{\xff"), (b"\xff", b"\xff")]);
        assert_eq!(read.body.as_deref(), Some(&b"{\xff"[..]));
        assert_eq!(delivery(Source::Events, &[(b"x", b"y")]).event, "");
        assert_eq!(Entry::read(Value::Nil), None);
        assert_eq!(Entry::read(Value::Array(vec![])), None);
        assert!(Entry::read(Value::Array(vec![bulk(b"5-1"), Value::Nil])).is_some(), "a forgotten entry");
    }

    #[test]
    fn both_protocols_are_understood() {
        let entries = || Value::Array(vec![entry("5-1", &[(b"event", b"a")]), Value::Nil]);
        let second = Value::Array(vec![Value::Array(vec![bulk(b"s"), entries()])]);
        let third = Value::Map(vec![(bulk(b"s"), entries())]);
        assert_eq!(streams(second.clone()), streams(third));
        assert_eq!(streams(second)[0].1.len(), 1);
        assert!(streams(Value::Nil).is_empty(), "nothing came in time");
    }

    #[test]
    fn ids_are_ordered_as_numbers() {
        let id = |text| EntryId::parse(text).expect("an id");
        assert!(id("9-9") < id("10-0") && id("9-9") < id("9-10"));
        assert_eq!(id("9-3").before(), id("9-2"));
        assert_eq!(id("9-0").before().to_string(), "8-18446744073709551615");
        assert_eq!(EntryId::FIRST.before(), EntryId::FIRST);
        assert_eq!(EntryId::parse("9"), None);
    }
}
