//! What this library logs, through `tracing` and with the target `cachemacro`. Without the feature `tracing` these
//! functions do nothing.

use std::error::Error;
use std::fmt::{Debug, Display};

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
    fn load_failed(function: &str) =>
        debug!(function, "load failed");

    /// The store refused a loaded value.
    fn fill_refused(function: &str, refused: &dyn Debug) =>
        debug!(function, ?refused, "fill refused");

    /// A store failed a call, which goes on without it.
    fn store_failed(function: &str, error: &dyn Error) =>
        warn!(function, error = %Chain(error), "store failed; answering from the loader");

    /// A record was reset, as the database does not reach its floor (R7).
    fn record_reset(aggregate: &dyn Display, version: u64, floor: u64) =>
        warn!(%aggregate, version, floor, "unreachable floor: the record was reset");

    /// The store did not accept a move.
    fn invalidation_failed(aggregate: &dyn Display, moved: &dyn Debug, on_error: &dyn Debug, error: &dyn Error) =>
        warn!(%aggregate, ?moved, ?on_error, error = %Chain(error), "invalidation did not reach the store");

    /// A set of pending events was dropped.
    fn pending_events_dropped(dropped: u64, first: &dyn Debug) =>
        warn!(
            dropped,
            ?first,
            "pending events were dropped: call `publish` after the commit, or `discard` after a rollback"
        );

    /// A subscriber of this process did not handle an event at this attempt.
    fn subscriber_failed(attempt: u32, error: &dyn Display) =>
        warn!(%error, attempt, "event handler failed");

    /// A finding is new.
    fn found(function: &str, module: &str, kind: &dyn Debug, message: &str) =>
        warn!(function, module, ?kind, "{message}");

    /// A consumer group did not handle this delivery.
    fn delivery_failed(id: &dyn Display, reason: &str) =>
        warn!(%id, %reason, "event handler failed");

    /// The reader of a consumer group failed.
    fn read_failed(error: &dyn Error) =>
        warn!(error = %Chain(error), "an event consumer cannot read its log, and will try again");

    /// The worker of a consumer group got no answer.
    fn consumer_failed(error: &dyn Error) =>
        warn!(error = %Chain(error), "an event consumer's server does not answer");
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
        record_reset(&"log:1", 3, 9);
        fill_refused("shop::log", &"Old");
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
