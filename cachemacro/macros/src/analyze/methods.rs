//! What methods return, by their names: `self.tx.as_mut()` is still the transaction, `self.tx.send(…)` shows a channel.

use crate::analyze::place::{Borrow, Kind, Place};

/// Methods that run a query on the connection that is their argument.
pub(crate) const RUN: &[&str] = &[
    "fetch",
    "fetch_one",
    "fetch_optional",
    "fetch_all",
    "fetch_many",
    "execute",
    "execute_many",
    "load",
    "first",
    "get_result",
    "get_results",
];

/// Methods that connections have, and rows do not.
pub(crate) const OF_CONNECTIONS: &[&str] = &[
    "query",
    "query_one",
    "query_opt",
    "query_row",
    "query_map",
    "query_first",
    "query_raw",
    "query_typed",
    "execute",
    "execute_batch",
    "batch_execute",
    "prepare",
    "prepare_cached",
    "fetch_one",
    "fetch_optional",
    "fetch_all",
    "begin",
    "acquire",
];

/// Methods of commands to Redis, whose argument is a connection to Redis.
pub(crate) const COMMANDS: &[&str] = &["query", "query_async", "exec", "exec_async", "invoke", "invoke_async"];

/// Methods that pass their receiver, or a part of it, to a closure.
pub(crate) const PASS_TO_CLOSURE: &[&str] = &[
    "map",
    "and_then",
    "inspect",
    "for_each",
    "filter_map",
    "flat_map",
    "map_or",
    "map_or_else",
    "is_some_and",
    "then",
];

/// Methods of the ends of channels: a sender is often called `tx`.
const OF_CHANNELS: &[&str] = &[
    "send",
    "try_send",
    "blocking_send",
    "send_timeout",
    "send_async",
    "send_replace",
    "send_modify",
    "send_if_modified",
    "unbounded_send",
    "start_send",
    "subscribe",
    "closed",
    "is_closed",
    "is_disconnected",
    "reserve",
    "reserve_owned",
    "reserve_many",
    "try_reserve",
    "try_reserve_owned",
    "same_channel",
    "downgrade",
    "capacity",
    "max_capacity",
    "receiver_count",
    "strong_count",
    "feed",
    "len",
    "is_empty",
];

/// Methods that tell whether there is a value, and do not use it.
const ASK: &[&str] = &["is_some", "is_none"];

/// Methods that give access to the content of a lock or a cell.
const LOCKS: &[&str] = &[
    "lock",
    "lock_owned",
    "try_lock",
    "try_lock_owned",
    "blocking_lock",
    "write",
    "try_write",
    "write_owned",
    "blocking_write",
    "borrow_mut",
    "try_borrow_mut",
    "get_mut",
];

/// Methods that borrow their receiver uniquely.
const BORROWS: &[&str] = &["as_mut", "deref_mut", "as_deref_mut", "by_ref", "as_pin_mut", "borrow_mut", "get_mut"];

/// Methods that return one element of their receiver, or all of them, by a unique borrow. `ELEMENTS` return them otherwise.
const UNIQUE_ELEMENTS: &[&str] = &["get_mut", "values_mut", "iter_mut", "first_mut", "last_mut", "peek_mut", "entry"];
const ELEMENTS: &[&str] = &["values", "iter", "into_iter", "into_values"];

/// Methods that return their receiver in another form.
const PASSES: &[&str] = &[
    "as_ref",
    "as_deref",
    "deref",
    "borrow",
    "read",
    "clone",
    "cloned",
    "copied",
    "to_owned",
    "upgrade",
    "into_inner",
    "unwrap",
    "expect",
    "unwrap_or_else",
    "ok_or",
    "ok_or_else",
    "ok",
    "map_err",
    "context",
    "with_context",
    "take",
];

/// Whether a method shows that its receiver is not a transaction, or does nothing with one.
pub(crate) fn is_of_another(method: &str) -> bool {
    OF_CHANNELS.contains(&method) || ASK.contains(&method)
}

/// The place that a method returns, if it is that of the receiver or a part of it.
pub(crate) fn through(place: Place, method: &str, arguments: usize) -> Option<Place> {
    let is = |list: &[&str]| list.contains(&method);
    let is_open = matches!(place.kind, Kind::Whole | Kind::Part);
    if is_open && is(UNIQUE_ELEMENTS) {
        return Some(Place { kind: Kind::Part, borrow: Borrow::Unique, ..place });
    }
    if is(LOCKS) && arguments == 0 {
        let kind = match place.kind {
            Kind::Connection | Kind::Copied => Kind::Guarded,
            kind => kind,
        };
        let borrow = if is(BORROWS) { Borrow::Unique } else { place.borrow };
        return Some(Place { kind, borrow, ..place });
    }
    if is(BORROWS) && arguments == 0 {
        return Some(Place { borrow: Borrow::Unique, ..place });
    }
    // `take(n)` is a method of iterators.
    if is(PASSES) && (method != "take" || arguments == 0) {
        return Some(passed(place, method));
    }
    // `get()` without arguments is a method of pools.
    let is_element = is(ELEMENTS) || arguments > 0 && ["get", "remove"].contains(&method);
    (is_open && is_element).then_some(Place { kind: Kind::Part, ..place })
}

fn passed(place: Place, method: &str) -> Place {
    let is_copy = ["clone", "cloned", "copied", "to_owned"].contains(&method);
    let kind = if is_copy && place.kind == Kind::Connection { Kind::Copied } else { place.kind };
    let borrow = match method {
        "as_ref" | "as_deref" | "deref" | "borrow" | "read" => Borrow::Shared,
        "clone" | "cloned" | "copied" | "to_owned" | "upgrade" | "into_inner" | "take" => Borrow::No,
        _ => place.borrow,
    };
    Place { kind, borrow, ..place }
}
