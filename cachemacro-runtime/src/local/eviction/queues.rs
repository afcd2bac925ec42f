//! Which entry of a shard is evicted.
//!
//! An entry lives in *probation* or in *main*. New entries enter probation, a FIFO that holds 1/128 of the shard's weight; the rest is
//! main, which is a FIFO for each class of weights. An entry counts its hits, up to 3. One that was evicted lately (a ghost) starts with
//! a count of 1.
//!
//! An entry that leaves probation with a count of 0 is evicted: a scan passes through probation alone. One with a higher count is a
//! candidate for main, and so is one in 64 of the others, with a count of 1: else nothing new enters when requests are a loop longer than
//! the ghosts reach. A hand goes round main: an entry with a lower count than the candidate's is evicted in its place; any other loses
//! one of its count and is passed. The hand is paid for: each eviction earns about one step, and without a step left the candidate is
//! evicted itself. So a revolution of the hand lasts about as many evictions as there are ghosts, and an entry of main that is hit
//! once in that time stays. This keeps the same part of a loop resident, whatever the length of the loop.
//!
//! Two figures adapt what an eviction earns. When many new entries were evicted only just before, main holds what is out of use: the hand earns up
//! to three steps. When entries that came into main are rarely hit before the hand comes to them, it earns as little as 1/32.
//! Entries evicted from main are not remembered as ghosts.
//!
//! Where weights differ, what counts is hits for each byte. The hand comes to a class of main in proportion to its bytes ([`Classes`]). An entry is tried
//! without a hit, and one above the mean weight is remembered as a ghost, with a probability in inverse proportion to its weight. An entry that is
//! much heavier than the others is not inserted into a full cache ([`Queues::refuses`]) until it is such a ghost.

use fastrand::Rng;

use super::classes::{Classes, is_in_main};
use super::ghosts::{Ghost, Ghosts};
use super::queue::Queue;
use super::slots::{HITS, Slots};

/// The entry came into main by competition, and the hand has not come to it since.
const UNPROVEN: u8 = 0b0100_0000;
/// Probation is one of so many parts of a shard's weight.
const PARTS: u64 = 128;
/// Main is filled without competition up to so many of [`PARTS`].
const FILLED: u64 = 122;
/// A step of the hand, in the unit of `Queues::steps`.
const STEP: u64 = 1 << 10;
/// Steps that each eviction earns: a little less than one, so that an entry hit once while as many entries are evicted as main holds stays.
const EARNED: u64 = STEP * 19 / 20;
/// `Queues::staleness` is at most this.
const STALE: u64 = 1 << 24;
/// Steps kept for later, at most; and when all is stale, so many more.
const KEPT: u64 = 16;
const KEPT_STALE: u64 = 64;
/// One in so many entries of the mean weight that leave probation without a hit is tried in main.
const TRIAL: u64 = 64;
/// An entry of this part of a shard's weight, and of so many times the mean, is much heavier than the others, if they are so many.
const HEAVY_PART: u64 = 48;
const HEAVY_MEANS: u64 = 4;
const OTHERS: usize = 64;
/// One in so many heavy entries is remembered at least: one that is asked for again and again is inserted after about as many loads.
const REMEMBERED: u64 = 8;
/// A chance of one, in the unit of `Queues::trials`.
const SURE: u64 = 1 << 32;
/// The most entries passed when main must give one up without a candidate.
const PASSED: u32 = 16;

/// The eviction of one shard.
#[derive(Debug)]
pub(in crate::local) struct Queues {
    probation: Queue,
    main: Classes,
    ghosts: Ghosts,
    /// The shard's weight when a victim was last wanted; until then it may fill.
    full: Option<u64>,
    /// How far main holds what is out of use: 0 to [`STALE`].
    staleness: u64,
    /// Which part of the latest entries that came into main by competition was hit before the hand came to it: 0 to [`STALE`].
    success: u64,
    /// Sums the chances of the entries that leave probation without a hit; at [`SURE`] one is tried.
    trials: u64,
    random: Rng,
    /// What the hand may go on, in parts of [`STEP`].
    steps: u64,
}

impl Queues {
    pub(in crate::local) fn new() -> Self {
        Self {
            probation: Queue::new(),
            main: Classes::new(),
            ghosts: Ghosts::new(),
            full: None,
            staleness: 0,
            success: STALE,
            trials: 0,
            random: Rng::with_seed(0),
            steps: 0,
        }
    }

    /// The sum of the weights of the resident entries.
    pub(in crate::local) fn weight(&self) -> u64 {
        self.probation.weight() + self.main.weight()
    }

    pub(super) fn len(&self) -> usize {
        (self.probation.len() + self.main.len()) as usize
    }

    /// A new entry is in the slot. What had to be evicted for it is evicted.
    pub(in crate::local) fn inserted(&mut self, hash: u64, index: u32, weight: u32, slots: &mut impl Slots) {
        let ghost = self.ghosts.take(hash);
        self.observe(ghost);
        let count = u8::from(ghost != Ghost::Unknown);
        if self.main_fills(weight) {
            self.main.push(index, weight, count, slots);
        } else {
            slots.set_mark(index, count);
            self.probation.push(index, weight, slots);
        }
    }

    /// Whether an entry is too heavy to be inserted into a full cache, as many others would be evicted for it. One that is wanted again and
    /// again becomes a ghost in the end, and is not refused then. Call this once for each attempt to insert.
    pub(in crate::local) fn refuses(&mut self, hash: u64, weight: u32) -> bool {
        let fills = self.full.is_some() && self.main_fills(weight);
        if !self.is_heavy(weight) || fills || self.ghosts.holds(hash) || self.tries(weight) {
            return false;
        }
        self.observe(Ghost::Unknown);
        self.remember(hash, weight);
        true
    }

    /// Whether an entry is much heavier than the others.
    fn is_heavy(&self, weight: u32) -> bool {
        let weight = u64::from(weight);
        weight * HEAVY_PART > self.full.unwrap_or_else(|| self.weight())
            && weight > HEAVY_MEANS * self.mean()
            && self.len() >= OTHERS
    }

    /// An entry expired or was invalidated. Its slot is released at once or later; it keeps its weight, hash, mark and link until then.
    pub(in crate::local) fn removed(&mut self, index: u32, slots: &mut impl Slots) {
        if is_in_main(slots.mark(index)) {
            if self.is_heavy(slots.weight(index)) {
                // A heavy entry of main was wanted; its next version is not refused.
                self.ghosts.put(slots.hash(index));
            }
            self.main.remove(index, slots);
        } else {
            self.probation.remove(index, slots);
        }
    }

    /// An entry is replaced in its slot: call this before the slot's weight is changed. The entry keeps its place and its count.
    pub(in crate::local) fn replaced(&mut self, index: u32, weight: u32, slots: &impl Slots) {
        if is_in_main(slots.mark(index)) {
            self.main.reweigh(index, weight, slots);
        } else {
            self.probation.reweigh(slots.weight(index), weight);
        }
    }

    /// Chooses an entry to evict, for a new one of this weight, and unlinks it. `None` when the shard is empty.
    pub(in crate::local) fn victim(&mut self, incoming: u32, slots: &mut impl Slots) -> Option<u32> {
        let full = self.weight();
        self.full = Some(full);
        self.earn();
        let share = (full / PARTS).max(1);
        let victim = loop {
            let wanted = self.probation.weight() + u64::from(incoming) > share;
            if self.main.len() > 0 && (!wanted || self.probation.len() == 0) {
                break self.evict_from_main(slots)?;
            }
            let candidate = self.probation.pop(slots)?;
            if self.main.len() == 0 {
                break candidate;
            }
            let (count, weight) = (slots.mark(candidate) & HITS, slots.weight(candidate));
            let count = if count == 0 && self.tries(weight) { 1 } else { count };
            if count == 0 {
                break candidate;
            }
            let has_room = self.main.weight() + u64::from(weight) + share <= full;
            let loser = if has_room { None } else { self.loser_to(count, slots) };
            if !has_room && loser.is_none() {
                break candidate;
            }
            let mark = if has_room { count } else { UNPROVEN | (count - 1) };
            self.main.push(candidate, weight, mark, slots);
            if let Some(loser) = loser {
                break loser;
            }
        };
        if !is_in_main(slots.mark(victim)) {
            // One that was hit is wanted, however heavy it is.
            let weight = if slots.mark(victim) & HITS > 1 { 1 } else { slots.weight(victim) };
            self.remember(slots.hash(victim), weight);
        }
        Some(victim)
    }

    /// Main is filled without competition until a victim is first wanted, and again when many of its entries were removed.
    fn main_fills(&self, weight: u32) -> bool {
        self.full.is_none_or(|full| (self.main.weight() + u64::from(weight)) * PARTS <= full * FILLED)
    }

    /// Entries that come back just after they were evicted are a sign that main is stale; it vanishes when fewer than one insertion in fourteen is such.
    fn observe(&mut self, ghost: Ghost) {
        if self.full.is_some() {
            let change = 8 * STALE / (self.len() as u64).max(8);
            self.staleness = if ghost == Ghost::Fresh {
                (self.staleness + change).min(STALE)
            } else {
                self.staleness.saturating_sub(change / 13)
            };
        }
    }

    /// An eviction earns the hand about one step, up to three when main is stale, and less when few newcomers succeed.
    fn earn(&mut self) {
        let earned = EARNED + 2 * EARNED * self.staleness / STALE;
        let earned = earned * (2 * self.success).clamp(STALE / 32, STALE) / STALE;
        let most = (KEPT * STALE + KEPT_STALE * self.staleness) * STEP / STALE;
        self.steps = (self.steps + earned).min(most);
    }

    /// Moves the hand to an entry of main with a lower count, and takes it out; or `None` when the steps are used up before.
    fn loser_to(&mut self, count: u8, slots: &mut impl Slots) -> Option<u32> {
        loop {
            let entry = self.main.next(slots)?;
            self.steps = self.steps.checked_sub(STEP)?;
            self.prove(entry, slots);
            if slots.mark(entry) & HITS < count {
                self.main.take(entry, slots);
                return Some(entry);
            }
            self.pass(entry, slots);
        }
    }

    /// Main gives up an entry without a candidate: its share is smaller than it is, or probation is empty.
    fn evict_from_main(&mut self, slots: &mut impl Slots) -> Option<u32> {
        let mut passed = 0;
        loop {
            let entry = self.main.next(slots)?;
            self.prove(entry, slots);
            if slots.mark(entry) & HITS == 0 || passed == PASSED {
                self.main.take(entry, slots);
                return Some(entry);
            }
            self.pass(entry, slots);
            passed += 1;
        }
    }

    /// The mean weight of the resident entries.
    fn mean(&self) -> u64 {
        (self.weight() / (self.len() as u64).max(1)).max(1)
    }

    /// True for one in [`TRIAL`] entries that leave probation without a hit, if all have the same weight.
    fn tries(&mut self, weight: u32) -> bool {
        let chance = SURE * self.mean() / (TRIAL * u64::from(weight.max(1)));
        self.trials += chance.min(SURE);
        let is_tried = self.trials >= SURE;
        if is_tried {
            self.trials -= SURE;
        }
        is_tried
    }

    /// Remembers an entry that is evicted from probation or refused. Of those above the mean weight only a part, but one in [`REMEMBERED`] at least.
    fn remember(&mut self, hash: u64, weight: u32) {
        let mean = self.mean();
        let weight = u64::from(weight).min(mean * REMEMBERED);
        if weight <= mean || self.random.u64(0..weight) < mean {
            self.ghosts.reserve(self.len() + 1);
            self.ghosts.put(hash);
        }
    }

    /// The hand comes to an entry: if it came in by competition, was it hit since?
    fn prove(&mut self, entry: u32, slots: &mut impl Slots) {
        let mark = slots.mark(entry);
        if mark & UNPROVEN != 0 {
            slots.set_mark(entry, mark & !UNPROVEN);
            self.success -= self.success / 32;
            if mark & HITS != 0 {
                self.success += STALE / 32;
            }
        }
    }

    /// The hand passes an entry with a count above 0: one less.
    fn pass(&mut self, entry: u32, slots: &mut impl Slots) {
        self.main.take(entry, slots);
        self.main.push(entry, slots.weight(entry), slots.mark(entry) - 1, slots);
    }
}
