//! The contract of [`RemoteStore`], as a suite that any store must pass.
//!
//! Each rule of the protocol is one function, which is given a new and empty store. A store that breaks a rule panics with
//! the rule's number, what it says, and what was found.
//!
//! ```
//! use cachemacro::testing::contract::{self, Setup};
//! use cachemacro::testing::ReferenceStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let make = async |setup: Setup| ReferenceStore::new(setup.clock, setup.source_lag);
//! contract::check(make).await;
//! // The store takes its time from the suite's clock, so there is nothing to wait for.
//! contract::check_expiry(make, async |_| ()).await;
//! contract::check_loss(make, async |store, query| store.lose_records(query.aggregates)).await;
//! # }
//! ```
//!
//! The suite knows of a store only what its operations return. What no operation can bring about is asked of the caller:
//! that time passes on a server ([`check_expiry`]), that a server forgets ([`check_loss`]). Interleavings inside one
//! operation are beyond it, and so is what takes two stores on one server: namespaces, and processes whose clocks differ. A
//! store on a server needs tests of its own for these.

mod aggregates;
mod bench;
mod channel;
mod control;
mod entries;
mod expiry;
mod loss;
mod moves;
mod opaque;
mod records;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::store::{InvalidationChannel, Query};
use cachemacro_runtime::{Clock, RemoteStore};

use self::bench::Bench;

/// What a store of the suite is made with.
#[derive(Clone)]
pub struct Setup {
    /// Stands still, unless the suite says otherwise. The deadlines of entries are moments of this clock.
    pub clock: Arc<dyn Clock>,
    /// What [`RemoteStore::source_lag`] must return, and for how long a new record takes rows of the primary only.
    pub source_lag: Duration,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("source_lag", &self.source_lag).finish_non_exhaustive()
    }
}

/// Longer than the suite takes: with it a record takes rows of the primary only.
const LONG_LAG: Duration = Duration::from_secs(3600);

/// Runs each rule with a store of its own.
macro_rules! rules {
    ($make:expr, $lag:expr; $($name:literal => $rule:path),+ $(,)?) => {$(
        $rule(&Bench::new($name, $make, $lag).await).await;
    )+};
}

/// Checks every rule of records and entries that needs neither the passing of time nor a loss. `make` returns an empty store, each time.
///
/// # Panics
/// When the store breaks a rule, with the rule.
pub async fn check<S: RemoteStore>(make: impl AsyncFn(Setup) -> S) {
    check_fences(&make).await;
    check_moves(&make).await;
    check_entries(&make).await;
}

async fn check_fences<S: RemoteStore>(make: &impl AsyncFn(Setup) -> S) {
    rules! { make, Duration::ZERO;
        "R1, a fill is refused when its version moved" => rows::a_late_fill_is_refused,
        "R3, the floor is max-merged" => rows::the_floor_is_max_merged,
        "R4, a row below the floor is refused" => rows::a_row_below_the_floor_is_refused,
        "R4, a row above the floor raises it" => rows::a_row_above_the_floor_raises_it,
        "R8, a refresh is fenced as any fill" => rows::a_refresh_is_fenced,
        "R13, what was stored before an event is not served after it" => rows::an_event_ends_what_was_stored,
        "R5, a new record is unverified: primary rows only" => records::a_new_record_is_unverified,
        "R6, an event creates no record" => records::an_event_creates_no_record,
        "marks are capped, and G7 holds past the cap" => records::marks_are_capped,
        "R9, an absence is fenced as a value" => opaque::an_absence_is_fenced,
        "an opaque value is fenced by the floor" => opaque::an_opaque_value_is_fenced_by_the_floor,
        "an opaque value ends with the event of version 0" => opaque::an_opaque_value_ends_with_version_0,
        "an opaque value comes from the primary" => opaque::an_opaque_value_comes_from_the_primary,
        "an alias reaches rows only" => opaque::an_alias_reaches_rows_only,
        "R22, no absence outlives a rollback to its floor" => opaque::no_absence_outlives_a_rollback,
        "R22, a version number begins again after a delete that rolls back" => opaque::a_row_begins_again_after_its_delete,
        "an absence confirms no floor" => opaque::an_absence_confirms_no_floor,
        "with rotates, every event ends what carries no version" => opaque::every_event_rotates,
        "with rotates, a row outlives late events and rollbacks to it" => opaque::a_row_outlives_late_events,
        "with rotates, RESTORE acts as BUMP" => opaque::a_restore_that_rotates_serves_nothing,
        "R20, an entry is checked against all its aggregates" => aggregates::all_are_checked,
        "R20, a fill is fenced by all its aggregates" => aggregates::all_fence_the_fill,
        "an entry of many aggregates comes from the primary" => aggregates::many_need_the_primary,
        "a load needs the primary for any of its aggregates" => aggregates::any_needs_the_primary,
        "a further aggregate is bound to its last mark" => aggregates::a_rollback_of_a_further_aggregate_ends_the_entry,
    }
    rules! { make, LONG_LAG;
        "a new record takes primary rows only, for the source lag" => records::a_new_record_takes_primary_rows_only,
        "a rollback takes primary rows only, for the source lag" => records::a_rollback_takes_primary_rows_only,
        "the store knows the source's lag" => records::the_lag_is_known,
    }
}

async fn check_moves<S: RemoteStore>(make: &impl AsyncFn(Setup) -> S) {
    rules! { make, Duration::ZERO;
        "NEXT voids whatever is known" => moves::next_voids_whatever_is_known,
        "moves that are sent together have a result each" => moves::moves_sent_together_have_a_result_each,
        "NEXT hides no event that has a version" => moves::next_hides_no_event,
        "RESTORE serves the old entry at once" => moves::a_restore_serves_the_old_entry,
        "RESTORE ends with the next event" => moves::a_restore_ends_with_the_next_event,
        "RESTORE is max-merged" => moves::a_late_restore_does_nothing,
        "ROLLBACK leaves the record unverified" => moves::a_rollback_leaves_the_record_unverified,
        "G7, after a rollback a number used again is another token" => moves::a_number_used_again_is_another_token,
        "ROLLBACK refuses the fills from before it" => moves::a_rollback_refuses_earlier_fills,
        "a duplicate ROLLBACK serves nothing abandoned" => moves::a_duplicate_rollback_serves_nothing_abandoned,
        "DETECT compares with the snapshot" => moves::detect_compares_with_the_snapshot,
        "R7, DETECT rotates everything" => moves::detect_rotates_everything,
        "VERIFY warms a new record" => moves::verify_warms,
        "VERIFY is fenced as a fill" => moves::verify_is_fenced,
    }
}

async fn check_entries<S: RemoteStore>(make: &impl AsyncFn(Setup) -> S) {
    rules! { make, Duration::ZERO;
        "CONTROL, numbers only rise" => control::numbers_only_rise,
        "entries are told apart by the function's number" => control::numbers_tell_entries_apart,
        "entries are told apart by text, function and type" => entries::keys_are_told_apart,
        "an entry of another type is a miss" => entries::an_entry_of_another_type_is_a_miss,
        "an entry is what was stored" => entries::an_entry_is_what_was_stored,
        "an entry's version is its token's" => entries::an_entrys_version_is_its_tokens,
        "R15, no deadline is later than it was" => entries::no_deadline_is_later,
        "a refresh replaces the entry of its version" => entries::a_refresh_replaces,
        "DISCARD drops one entry" => entries::discard_drops_one_entry,
    }
}

/// Checks the rules of time. `pass` makes this much time pass for the store where its clock is not the suite's: on a
/// server, a setting or a pause. The suite's own clock has moved by then.
///
/// # Panics
/// When the store breaks a rule, with the rule.
pub async fn check_expiry<S: RemoteStore>(make: impl AsyncFn(Setup) -> S, pass: impl AsyncFn(Duration)) {
    const RULES: [&str; 5] = [
        "G1, nothing is served past its hard deadline",
        "R15, deadlines count from the start of the load",
        "an expired value is not stored",
        "a record grows up",
        "a record that begins anew, or is rolled back, takes primary rows only, for the source lag",
    ];
    expiry::nothing_is_served_past_its_hard_deadline(&Bench::new(RULES[0], &make, Duration::ZERO).await, &pass).await;
    expiry::deadlines_count_from_the_start(&Bench::new(RULES[1], &make, Duration::ZERO).await, &pass).await;
    expiry::an_expired_value_is_not_stored(&Bench::new(RULES[2], &make, Duration::ZERO).await, &pass).await;
    expiry::a_record_grows_up(&Bench::new(RULES[3], &make, expiry::LAG).await, &pass).await;
    expiry::an_old_record_needs_the_primary_again(&Bench::new(RULES[4], &make, expiry::LAG).await, &pass).await;
}

/// Checks the rules of loss. `lose` makes the store forget the index records behind a query: it evicts them, or deletes their
/// keys. It may leave the entries, and a store on a server should: then the check proves that they are not served.
///
/// # Panics
/// When the store breaks a rule, with the rule.
pub async fn check_loss<S: RemoteStore>(make: impl AsyncFn(Setup) -> S, lose: impl AsyncFn(&S, Query<'_>)) {
    const RULES: [&str; 4] = [
        "R2, a new record has a new generation",
        "R5, a new record is unverified, and forgets no event that it was never told of",
        "R6, an event after the loss creates nothing",
        "G6, a fill from before the loss is refused",
    ];
    loss::a_new_record_has_a_new_generation(&Bench::new(RULES[0], &make, Duration::ZERO).await, &lose).await;
    loss::a_new_record_is_unverified(&Bench::new(RULES[1], &make, Duration::ZERO).await, &lose).await;
    loss::an_event_after_the_loss_creates_nothing(&Bench::new(RULES[2], &make, Duration::ZERO).await, &lose).await;
    loss::a_fill_from_before_the_loss_is_refused(&Bench::new(RULES[3], &make, Duration::ZERO).await, &lose).await;
}

/// Checks the rules of a channel. `make` returns an empty one, each time.
///
/// # Panics
/// When the channel breaks a rule, with the rule.
pub async fn check_channel<C: InvalidationChannel>(make: impl AsyncFn(Setup) -> C) {
    let make = &make;
    rules! { make, Duration::ZERO;
        "a reader begins at the end of the channel" => channel::a_reader_begins_at_the_end,
        "all that was announced before the question is in the answer, in order" => channel::all_is_heard_once_and_in_order,
        "a notice is what was announced" => channel::a_notice_is_what_was_announced,
        "an announcement ends the wait" => channel::an_announcement_ends_the_wait,
    }
}

/// Checks that a reader is told of what it missed. `lose` makes the channel forget what was announced: it trims it, or deletes
/// its key.
///
/// # Panics
/// When the channel breaks the rule.
pub async fn check_channel_loss<C: InvalidationChannel>(make: impl AsyncFn(Setup) -> C, lose: impl AsyncFn(&C)) {
    let bench = Bench::new("R14, a gap is noticed", &make, Duration::ZERO).await;
    channel::what_is_lost_is_a_gap(&bench, &lose).await;
}

/// DISCARD, for a `lose` of [`check_loss`] where the records live no longer than their entries.
///
/// # Panics
/// When the store fails.
pub async fn discard<S: RemoteStore>(store: &S, query: Query<'_>) {
    store.discard(query).await.expect("the store discards");
}
