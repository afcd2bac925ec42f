//! What must hold: every goal, in the order of the report.

/// What a figure may be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Limit {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// What a figure is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Times another figure of the same run.
    Ratio,
    /// Bytes.
    Bytes,
    /// Instructions of the processor.
    Instructions,
    /// A time in nanoseconds.
    Time,
    /// Hundredths of all requests, more than another has.
    Points,
    /// A number of something.
    Count,
}

/// One goal.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// What the cases call it: the case's name, a dot, and which of its goals it is.
    pub id: &'static str,
    /// What is measured, beside what.
    pub text: &'static str,
    /// What it may be.
    pub limit: Limit,
    /// What it is.
    pub unit: Unit,
    /// Where it is not reached: what a profile shows to be in the way. Empty where nothing is known.
    pub why: &'static str,
}

const fn at_most(id: &'static str, text: &'static str, limit: f64, unit: Unit) -> Goal {
    Goal { id, text, limit: Limit::AtMost(limit), unit, why: "" }
}

const fn at_least(id: &'static str, text: &'static str, limit: f64, unit: Unit) -> Goal {
    Goal { id, text, limit: Limit::AtLeast(limit), unit, why: "" }
}

const fn why(goal: Goal, why: &'static str) -> Goal {
    Goal { why, ..goal }
}

const HIT: &str = "by callgrind a hit is 365 instructions. Some 100 are the caller's: the async function and its future, the key's part, \
                   the check of the value's type, the reference to the value that is dropped. 30 hash the key and find the slot, 50 more \
                   index pages and buckets as code without `unsafe` does, 40 take the shared lock in the thread's own place of it, 20 \
                   read the clock, 25 compare version and soft deadline, 25 count the hit in the thread's own counter, 15 copy the \
                   reference; the rest are registers that are kept. The bare map does the second, the fourth and the copy. The lock \
                   costs 5 ns more than an exclusive one would; then a thread that has lost its core stops the others (decision 0055).";

const AS_ABOVE: &str = "as above.";

/// All of them.
pub const GOALS: &[Goal] = &[
    why(
        at_most("hits.bare", "a hit, `Arc<User>`, `u64` key, 1,024 keys, beside bare `quick_cache`", 1.25, Unit::Ratio),
        HIT,
    ),
    why(at_most("instructions.hit", "the same, instructions", 250.0, Unit::Instructions), AS_ABOVE),
    why(
        at_most("hits.shared", "the same, beside the fastest peer", 1.0, Unit::Ratio),
        "as above; that one has neither a bound nor a TTL, reads no clock and compares no version.",
    ),
    at_most("hits.text_peer", "a hit, text key of 25 bytes, beside the fastest peer", 1.0, Unit::Ratio),
    why(
        at_most("hits.parts", "a hit, key of three parts, beside the fastest peer", 1.0, Unit::Ratio),
        "the key is written in parts, to compare all of its bytes; the peer compares a tuple of the function's own type.",
    ),
    why(at_most("hits.method", "a hit of a method, beside the fastest peer", 1.0, Unit::Ratio), "as for the function."),
    why(at_most("hits.text", "a hit, text key of 25 bytes, beside bare `quick_cache`", 1.25, Unit::Ratio), AS_ABOVE),
    why(
        at_most("hits.owned", "a hit, `User` by value, beside the fastest peer", 1.0, Unit::Ratio),
        "the clone of three strings is the same for all; ours moves the value once more, and copies and drops the reference that it clones from.",
    ),
    why(
        at_most("near.plain", "a near copy (bounded, Redis behind), beside a plain hit", 2.0, Unit::Ratio),
        "what a plain hit would be is looked at first, then the rest of the entry with its deadlines, the precise clock, and whether the process has heard all announcements of the last second: a second that the fast path compares is not exact enough for that.",
    ),
    why(
        at_most("threads.one", "two threads, one key, beside bare `quick_cache`", 0.7, Unit::Ratio),
        "both threads write to the count of references to the one value; the lock and the counter have places of each thread.",
    ),
    why(at_most("threads.few", "two threads, 16 keys, beside bare `quick_cache`", 0.8, Unit::Ratio), AS_ABOVE),
    why(
        at_most("threads.many", "two threads, 16,384 keys, beside bare `quick_cache`", 1.5, Unit::Ratio),
        "a hit reads lines of memory of the lock, the bucket, the page, the slot, the epoch and the value; of 16,384 keys these are more than the processor's first cache holds.",
    ),
    at_most("tail.one", "32 threads, one key: p99.9 beside bare `quick_cache`", 1.5, Unit::Ratio),
    at_most("tail.few", "32 threads, 16 keys: p99.9 beside bare `quick_cache`", 1.5, Unit::Ratio),
    why(
        at_most("tail.many", "32 threads, 16,384 keys: p99.9 beside bare `quick_cache`", 1.5, Unit::Ratio),
        "as for two threads.",
    ),
    why(
        at_most("random.million", "random keys of 1,000,000, beside bare `quick_cache`", 1.8, Unit::Ratio),
        "a bucket, a slot, an epoch and the value are each a wait for memory, in the bare map a slot and the value. An epoch of its own is what an event changes, however many entries depend on it.",
    ),
    at_most(
        "memory.million",
        "bytes an entry beside key and pointer, its own aggregate included, 1,000,000 entries",
        144.0,
        Unit::Bytes,
    ),
    at_most("memory.full", "the same, when the bound is reached", 144.0, Unit::Bytes),
    why(
        at_most("miss.cached", "a miss and its fill, beside `cached` with bound and TTL", 2.0, Unit::Ratio),
        "by callgrind a miss with its fill is 16,000 instructions, of which a fifth allocate, free and copy: the load itself, a call state, a key with its text, a flight, a permit and the futures of the load. The rest are version records, the flight, a second look by its leader, and the steps of the call, each with a place for values that are dropped later.",
    ),
    why(at_most("miss.bound", "the same, when the bound is reached", 2.0, Unit::Ratio), AS_ABOVE),
    why(
        at_most("kinds.source", "a hit in source mode, beside a plain hit", 2.0, Unit::Ratio),
        "1,050 instructions, where a plain hit is 365: the entry is found before the source is asked, kept beside the question with its deadlines and its record, and then served as an entry that is no plain hit.",
    ),
    why(
        at_most("kinds.stale", "a stale hit while it is refreshed, beside a plain hit", 2.0, Unit::Ratio),
        "668 instructions: what a plain hit would be is looked at first, then the rest of the entry, the clock once more, and whether another caller refreshes it.",
    ),
    at_most("kinds.absent", "a cached absence, beside a plain hit", 2.0, Unit::Ratio),
    at_most("kinds.both", "a hit that depends on two aggregates, beside a plain hit", 2.0, Unit::Ratio),
    why(
        at_most("kinds.early", "a hit with `early`, beside a plain hit", 2.0, Unit::Ratio),
        "as for a stale one; a random number decides, in the place of the mark of another caller.",
    ),
    why(
        at_most("kinds.restored", "a hit of an older version after a restore, beside a plain hit", 2.0, Unit::Ratio),
        "a version is chosen under the time of the precise clock, and each of its records is asked under its lock: only a restore makes such a hit.",
    ),
    why(
        at_most("instructions.bump", "a bump, instructions", 500.0, Unit::Instructions),
        "283 hash the name, with 128 bits, as two aggregates with one hash would end each other's entries; 154 find and change the record; 250 are the batch and the event (decision 0055).",
    ),
    at_most("bump.entries", "a bump of 10,000 entries, beside a bump of one", 1.2, Unit::Ratio),
    at_most("stampede.loads", "10,000 callers of a cold key: loads", 1.0, Unit::Count),
    why(
        at_most("stampede.beyond", "the same: time beyond the load, beside the best peer's", 1.0, Unit::Ratio),
        "a waiter is a task, a call state and a place in the flight, in three blocks of memory; each is woken, reads the flight and frees them.",
    ),
    why(
        at_most("waiters.bytes", "the same: bytes a waiter", 700.0, Unit::Bytes),
        "a task, a call state and a place in the flight, which has the key and the snapshots for all.",
    ),
    at_most("clear.caller", "`clear()` of 1,000,000 entries: what the caller waits for", 10_000.0, Unit::Time),
    at_most("growth.p999", "growth to 1,000,000 entries: p99.9 of an insertion", 50_000.0, Unit::Time),
    at_least(
        "replay.entries",
        "hit ratio beside the better of `moka` and `quick_cache`, bound by entries, the worst trace and size",
        -1.0,
        Unit::Points,
    ),
    at_least("replay.bytes", "the same, bound by bytes", -1.0, Unit::Points),
    why(
        at_most("compile.functions", "200 annotated functions: added build time beside `cached`", 1.0, Unit::Ratio),
        "a function is as many lines of LLVM IR as one of `cached` (some 600), in 20 functions to 14: its load is a body that a task can run, \
         its registration has a constructor, its instance a type. What all functions share, codecs and the engine's futures for the value \
         type, is 35,000 lines to 18,000. The compiler checks more bodies too, and finds what the types of the value and of the error can \
         do by method lookup.",
    ),
    why(
        at_most("compile.clean", "a clean build, default features, beside `cached` with `async`", 1.0, Unit::Ratio),
        "of 38.5 s of CPU time (all of `cached` is 26.9 s) the runtime, which is one crate, takes 12.9 s and the macros 4.5 s. The runtime \
         waits for `postcard`, and this, through `cobs`, for `thiserror` and `syn`.",
    ),
    Goal {
        why: "both ways keep a core of the client busy. By `perf`, over 1.3 million reads each, the kernel and the allocator take as long \
              for a hit as for a `GET`; the program's own code takes 1.7 times as long: two values to parse where `GET` has one, a key \
              and the names of its aggregates to write, an answer to share with callers of the same key. No function of it is more \
              than 5 % (decision 0015).",
        ..at_least(
            "redis.rate",
            "a hit in Redis with version check, 64 callers: reads a second beside raw `GET` and decode",
            0.95,
            Unit::Ratio,
        )
    },
    Goal {
        why: "lookups travel together, up to 128 in a command, and the first waits for the last.",
        ..at_most("redis.p99", "the same: p99 beside that of raw `GET` and decode", 1.2, Unit::Ratio)
    },
];

impl Goal {
    /// The goal of this id.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn of(id: &str) -> &'static Self {
        GOALS.iter().find(|goal| goal.id == id).unwrap_or_else(|| panic!("{id} is no goal"))
    }

    /// Whether this figure reaches it. A figure that is not a number does not.
    #[must_use]
    pub fn is_reached(&self, figure: f64) -> bool {
        match self.limit {
            Limit::AtMost(limit) => figure <= limit,
            Limit::AtLeast(limit) => figure >= limit,
        }
    }

    /// The case that measures it.
    #[must_use]
    pub fn case(&self) -> &'static str {
        self.id.split('.').next().expect("an id begins with its case")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{GOALS, Goal};

    #[test]
    fn an_id_is_given_once() {
        assert_eq!(GOALS.iter().map(|goal| goal.id).collect::<HashSet<_>>().len(), GOALS.len());
    }

    #[test]
    fn a_limit_is_reached_by_the_limit_and_not_by_what_is_no_number() {
        let goal = Goal::of("hits.bare");
        assert!(goal.is_reached(1.25) && !goal.is_reached(1.26) && !goal.is_reached(f64::NAN));
        assert!(Goal::of("replay.bytes").is_reached(-1.0) && !Goal::of("replay.bytes").is_reached(-1.1));
    }
}
