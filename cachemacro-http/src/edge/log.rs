//! What is logged, through `tracing` and with the target `cachemacro`; and counted, through `metrics`. Without these features the functions do nothing.

use std::time::Duration;

/// A function for each event, with its arguments; then the level, the fields and the message.
macro_rules! events {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) => $level:ident!($($event:tt)*);)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name($($argument: $type),*) {
            #[cfg(feature = "tracing")]
            tracing::$level!(target: "cachemacro", $($event)*);
            #[cfg(not(feature = "tracing"))]
            let _ = ($($argument,)*);
        }
    )*};
}

events! {
    /// Purges fail: the first of them.
    fn purges_fail(cdn: &str, reason: &str, depth: usize) =>
        warn!(cdn, reason, depth, "purges fail, and are sent again; until then the CDN serves what it has for its time");

    /// Purges are refused: the first of them.
    fn purges_refused(cdn: &str, reason: &str, depth: usize) =>
        error!(cdn, reason, depth, "the CDN refuses purges; until its settings are changed it serves what it has for its time");

    /// They succeed again.
    fn purges_succeed(cdn: &str, failed: u64, failing_for: Duration) =>
        info!(cdn, failed, ?failing_for, "purges succeed again");

    /// The queue was full.
    fn queue_full(cdn: &str, to_kind: u64, to_namespace: u64) =>
        warn!(cdn, to_kind, to_namespace, "the queue of purges was full: all of a kind, or of the namespace, is purged");
}

/// A call has ended: `done`, `partial`, `failed`, `limited` or `refused`.
pub(crate) fn count_call(cdn: &str, outcome: &'static str, purged: u64) {
    #[cfg(feature = "metrics")]
    {
        metrics::counter!("cachemacro_edge_calls_total", "cdn" => cdn.to_owned(), "outcome" => outcome).increment(1);
        metrics::counter!("cachemacro_edge_purged_tags_total", "cdn" => cdn.to_owned()).increment(purged);
    }
    #[cfg(not(feature = "metrics"))]
    let _ = (cdn, outcome, purged);
}

/// The queue was full: `kind` or `namespace`.
pub(crate) fn count_widened(cdn: &str, to: &'static str, times: u64) {
    #[cfg(feature = "metrics")]
    if times > 0 {
        metrics::counter!("cachemacro_edge_widened_total", "cdn" => cdn.to_owned(), "to" => to).increment(times);
    }
    #[cfg(not(feature = "metrics"))]
    let _ = (cdn, to, times);
}

/// What waits.
pub(crate) fn gauge_queue(cdn: &str, depth: usize, oldest: Duration) {
    #[cfg(feature = "metrics")]
    {
        metrics::gauge!("cachemacro_edge_queue_depth", "cdn" => cdn.to_owned()).set(depth as f64);
        metrics::gauge!("cachemacro_edge_queue_oldest_seconds", "cdn" => cdn.to_owned()).set(oldest.as_secs_f64());
    }
    #[cfg(not(feature = "metrics"))]
    let _ = (cdn, depth, oldest);
}
