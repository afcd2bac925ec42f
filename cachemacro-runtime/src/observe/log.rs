//! What this library logs, through `tracing` and with the target `cachemacro`. Without the feature `tracing` these
//! functions do nothing.

use std::error::Error;
use std::fmt::{Debug, Display};

use super::outage::Down;

/// An error, and the errors underneath: no message contains that of its source.
#[cfg(feature = "tracing")]
struct Chain<'a>(&'a dyn Error);

#[cfg(feature = "tracing")]
impl Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// A function for each event, with its arguments; then the level, the fields and the message.
macro_rules! events {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) => $level:ident!($($event:tt)*);)*) => {$(
        $(#[$doc])*
        #[inline]
        pub(crate) fn $name($($argument: $type),*) {
            #[cfg(feature = "tracing")]
            tracing::$level!(target: "cachemacro", $($event)*);
            #[cfg(not(feature = "tracing"))]
            let _ = ($($argument,)*);
        }
    )*};
}

events! {
    /// The body of a cached function returned an error.
    fn loads_fail(function: &str, down: Down) =>
        debug!(function, failed = down.failed, failing_for = ?down.down_for, "loads fail");

    /// It returned a value again.
    fn loads_succeed(function: &str, down: Down) =>
        debug!(function, failed = down.failed, failing_for = ?down.down_for, "loads succeed again");

    /// The store refused a loaded value.
    fn fill_refused(function: &str, refused: &dyn Debug, count: u64) =>
        debug!(function, ?refused, count, "fill refused");

    /// The store cannot be reached. Calls go on without it.
    fn store_down(function: &str, down: Down, error: &dyn Error) =>
        warn!(
            function,
            failed = down.failed,
            down_for = ?down.down_for,
            error = %Chain(error),
            "the store does not answer; calls are answered from the loader"
        );

    /// The store can be reached again.
    fn store_up(down: Down) =>
        info!(failed = down.failed, down_for = ?down.down_for, "the store answers again");

    /// The store answered with an error.
    fn operation_failed(function: &str, failed: u64, error: &dyn Error) =>
        warn!(function, failed, error = %Chain(error), "the store failed an operation; the call goes on without it");

    /// The channel cannot be reached: no local copy is served.
    fn channel_down(down: Down, reason: &dyn Display) =>
        warn!(
            failed = down.failed,
            down_for = ?down.down_for,
            error = %reason,
            "the channel does not answer; copies in this process are not served"
        );

    /// The channel can be reached again.
    fn channel_up(down: Down) =>
        info!(failed = down.failed, down_for = ?down.down_for, "the channel answers again");

    /// A record was reset, as the database does not reach its floor (R7).
    fn record_reset(aggregate: &dyn Display, version: u64, floor: u64, count: u64) =>
        warn!(%aggregate, version, floor, count, "unreachable floor: the record was reset");

    /// The store did not accept moves. The first one is named.
    fn invalidations_fail(first: &dyn Debug, on_error: &dyn Debug, down: Down, error: &dyn Error) =>
        warn!(
            ?first,
            ?on_error,
            failed = down.failed,
            failing_for = ?down.down_for,
            error = %Chain(error),
            "invalidations do not reach the store"
        );

    /// It has accepted all that were retried.
    fn invalidations_succeed(down: Down) =>
        info!(failed = down.failed, failing_for = ?down.down_for, "invalidations reach the store again");

    /// The retry queue is full.
    fn invalidations_dropped(dropped: u64) =>
        warn!(dropped, "the retry queue is full: invalidations were dropped");

    /// A set of pending events was dropped.
    fn pending_events_dropped(dropped: u64, first: &dyn Debug) =>
        warn!(
            dropped,
            ?first,
            "pending events were dropped: call `publish` after the commit, or `discard` after a rollback"
        );

    /// A subscriber of this process did not handle an event at this attempt.
    fn subscriber_failed(event: &str, attempt: u32, failed: u64, error: &dyn Display) =>
        warn!(event, attempt, failed, %error, "event handler failed");

    /// A subscriber of this process is slower than the publishers.
    fn events_missed(event: &str, missed: u64) =>
        warn!(event, missed, "an event handler is too slow: it misses events");

    /// A finding is new.
    fn found(function: &str, module: &str, kind: &dyn Debug, message: &str) =>
        warn!(function, module, ?kind, "{message}");

    /// A consumer group did not handle this delivery.
    fn delivery_failed(group: &str, id: &dyn Display, failed: u64, reason: &str) =>
        warn!(group, %id, failed, %reason, "event handler failed");

    /// The reader of a consumer group failed.
    fn group_cannot_read(group: &str, down: Down, error: &dyn Error) =>
        warn!(
            group,
            failed = down.failed,
            down_for = ?down.down_for,
            error = %Chain(error),
            "an event consumer cannot read its log, and will try again"
        );

    /// It can read again.
    fn group_reads(group: &str, down: Down) =>
        info!(group, failed = down.failed, down_for = ?down.down_for, "an event consumer reads its log again");

    /// The worker of a consumer group got no answer.
    fn group_down(group: &str, down: Down, error: &dyn Error) =>
        warn!(
            group,
            failed = down.failed,
            down_for = ?down.down_for,
            error = %Chain(error),
            "an event consumer's server does not answer"
        );

    /// It got one again.
    fn group_up(group: &str, down: Down) =>
        info!(group, failed = down.failed, down_for = ?down.down_for, "an event consumer's server answers again");
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

    use super::*;

    /// The level and the fields of each event of the target `cachemacro`.
    static EVENTS: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

    struct Collector;

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0 += &format!("{field}={value:?} ");
        }
    }

    impl Subscriber for Collector {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "cachemacro"
        }

        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            EVENTS.lock().expect("no panic").push((*event.metadata().level(), fields.0));
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn an_event_has_its_target_its_level_and_its_fields() {
        dispatcher::set_global_default(Dispatch::new(Collector)).expect("no other test sets one");
        record_reset(&"log:1", 3, 9, 1);
        fill_refused("shop::log", &"Old", 1);
        let events = EVENTS.lock().expect("no panic");
        let has = |level, of: &[&str]| {
            events.iter().any(|(its, fields)| *its == level && of.iter().all(|part| fields.contains(part)))
        };
        assert!(
            has(Level::WARN, &["aggregate=log:1 ", "version=3 ", "floor=9 ", "message=unreachable floor"]),
            "{events:?}"
        );
        assert!(
            has(Level::DEBUG, &["function=\"shop::log\" ", "refused=\"Old\" ", "message=fill refused"]),
            "{events:?}"
        );
    }
}
