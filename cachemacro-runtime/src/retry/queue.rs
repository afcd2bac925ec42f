//! What a store did not accept, in the order in which it is sent again. The queue calls no store and reads no clock.
//!
//! A move that is being sent may already be applied, and readers may have loaded since. A later move must end those
//! entries too. So no later move is merged into one that is being sent, or dropped because it is equal to it (R20).

use std::collections::{HashMap, HashSet, VecDeque};

use crate::event::Aggregate;
use crate::protocol::Move;
use crate::remote::Announcement;

/// The most announcements that are sent in one append.
const AT_ONCE: usize = 128;
/// If one aggregate has more moves than this, they are replaced by fewer moves that end at least the same entries.
const MOST_MOVES: usize = 32;

/// The moves and announcements that wait, and the aggregates that are suspect meanwhile.
pub(super) struct RetryQueue {
    /// The most aggregates, and the most announcements; more are refused.
    capacity: usize,
    moves: HashMap<Aggregate, PendingMoves>,
    /// In order; each waits until all moves of its aggregates are applied.
    announcements: VecDeque<PendingAnnouncement>,
    suspects: HashSet<Aggregate>,
    /// The queue refused a move whose aggregate should be suspect. So all aggregates are suspect until no move is left.
    suspects_all: bool,
}

/// The moves of one aggregate, in order.
#[derive(Default)]
struct PendingMoves {
    sending: Option<Move>,
    waiting: VecDeque<Move>,
}

struct PendingAnnouncement {
    announcement: Announcement,
    is_sending: bool,
}

/// The queue is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

impl RetryQueue {
    pub(super) fn new(capacity: usize) -> Self {
        let (moves, announcements, suspects) = Default::default();
        Self { capacity, moves, announcements, suspects, suspects_all: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.moves.is_empty() && self.announcements.is_empty()
    }

    /// The larger of both counts: an announcement waits together with its moves, or after them.
    pub(super) fn len(&self) -> usize {
        self.moves.len().max(self.announcements.len())
    }

    /// Zero where every aggregate is trusted.
    pub(super) fn suspects(&self) -> usize {
        self.suspects.len() + usize::from(self.suspects_all)
    }

    pub(super) fn is_suspect(&self, aggregate: &Aggregate) -> bool {
        self.suspects_all || self.suspects.contains(aggregate)
    }

    /// Adds a move behind the waiting moves of its aggregate. With `suspect` the aggregate is suspect until all of them
    /// are applied.
    pub(super) fn push(&mut self, aggregate: Aggregate, moved: Move, suspect: bool) -> Result<(), Full> {
        if self.moves.len() >= self.capacity && !self.moves.contains_key(&aggregate) {
            self.suspects_all |= suspect;
            return Err(Full);
        }
        if suspect {
            self.suspects.insert(aggregate.clone());
        }
        self.moves.entry(aggregate).or_default().push(moved);
        Ok(())
    }

    /// Adds an announcement behind the others.
    pub(super) fn push_announcement(&mut self, announcement: Announcement) -> Result<(), Full> {
        if self.announcements.len() >= self.capacity {
            return Err(Full);
        }
        if !self.will_tell(&announcement) {
            self.announcements.push_back(PendingAnnouncement { announcement, is_sending: false });
        }
        Ok(())
    }

    /// Whether the last announcement of one of these aggregates is equal and still to be sent. An announcement for
    /// local tiers only is sent once; an event is sent as often as it was published.
    fn will_tell(&self, announcement: &Announcement) -> bool {
        let shares = |pending: &&PendingAnnouncement| {
            let mut names = pending.announcement.notices.iter().map(|(name, _)| name);
            names.any(|name| announcement.notices.iter().any(|(other, _)| other == name))
        };
        let last = self.announcements.iter().rev().take(AT_ONCE).find(shares);
        announcement.event.is_none() && last.is_some_and(|last| !last.is_sending && last.announcement == *announcement)
    }

    /// The aggregates that have moves.
    pub(super) fn aggregates(&self) -> Vec<Aggregate> {
        self.moves.keys().cloned().collect()
    }

    /// The next move of an aggregate. From now on it counts as being sent.
    pub(super) fn begin(&mut self, aggregate: &Aggregate) -> Option<Move> {
        let moves = self.moves.get_mut(aggregate)?;
        moves.sending = moves.waiting.pop_front();
        moves.sending
    }

    /// The store has applied the move that was being sent. After its last move the aggregate is no longer suspect.
    pub(super) fn applied(&mut self, aggregate: &Aggregate) {
        let Some(moves) = self.moves.get_mut(aggregate) else { return };
        moves.sending = None;
        if moves.waiting.is_empty() {
            self.moves.remove(aggregate);
            self.suspects.remove(aggregate);
            self.suspects_all &= !self.moves.is_empty();
        }
    }

    /// The next announcements that wait for no move. From now on they count as being sent.
    pub(super) fn begin_announcements(&mut self) -> Vec<Announcement> {
        let moves = &self.moves;
        let is_ready = |pending: &&mut PendingAnnouncement| {
            !pending.announcement.notices.iter().any(|(name, _)| moves.contains_key(name))
        };
        let ready = self.announcements.iter_mut().filter(is_ready).take(AT_ONCE);
        let begin = |pending: &mut PendingAnnouncement| {
            pending.is_sending = true;
            pending.announcement.clone()
        };
        ready.map(begin).collect()
    }

    /// The store has accepted the announcements that were being sent.
    pub(super) fn announced(&mut self) {
        self.announcements.retain(|pending| !pending.is_sending);
    }

    /// The send failed, or its result is unknown: what was being sent is sent again, before later ones.
    pub(super) fn interrupted(&mut self) {
        self.moves.values_mut().for_each(PendingMoves::interrupted);
        self.announcements.iter_mut().for_each(|pending| pending.is_sending = false);
    }

    /// As [`RetryQueue::interrupted`], for one aggregate.
    pub(super) fn not_applied(&mut self, aggregate: &Aggregate) {
        if let Some(moves) = self.moves.get_mut(aggregate) {
            moves.interrupted();
        }
    }
}

impl PendingMoves {
    fn push(&mut self, moved: Move) {
        push(&mut self.waiting, moved);
        if self.waiting.len() > MOST_MOVES {
            self.waiting = shortened(&self.waiting);
        }
    }

    fn interrupted(&mut self) {
        if let Some(moved) = self.sending.take() {
            self.waiting.push_front(moved);
        }
    }
}

fn push(moves: &mut VecDeque<Move>, moved: Move) {
    if !moved.merges_into(moves.iter_mut().rev()) {
        moves.push_back(moved);
    }
}

/// The last rollback determines the record's floor, and a move without a version ends all that was stored before it. A
/// restore is replaced by a bump, which does not serve the older entry again.
fn shortened(moves: &VecDeque<Move>) -> VecDeque<Move> {
    let mut short = VecDeque::from([Move::Next]);
    let last = moves.iter().rposition(|moved| matches!(moved, Move::Rollback { .. }));
    for moved in moves.iter().skip(last.unwrap_or(0)) {
        match *moved {
            Move::Restore { version, .. } => push(&mut short, Move::Bump(version)),
            moved => push(&mut short, moved),
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Notice;

    fn name(name: &str) -> Aggregate {
        Aggregate::new(name)
    }

    fn queue() -> RetryQueue {
        RetryQueue::new(100)
    }

    fn announcement(names: &[&str], moved: Move) -> Announcement {
        Announcement { event: None, notices: names.iter().map(|each| (name(each), Notice::Moved(moved))).collect() }
    }

    /// The moves that are sent for `a`, one after the other. The store accepts all of them.
    fn drained(queue: &mut RetryQueue) -> Vec<Move> {
        let mut moves = Vec::new();
        while let Some(moved) = queue.begin(&name("a")) {
            moves.push(moved);
            queue.applied(&name("a"));
        }
        moves
    }

    fn push_all(queue: &mut RetryQueue, moves: &[Move]) {
        for moved in moves {
            queue.push(name("a"), *moved, true).expect("there is room");
        }
    }

    #[test]
    fn moves_that_wait_are_merged() {
        let mut queue = queue();
        push_all(&mut queue, &[Move::Bump(5), Move::Next, Move::Bump(7), Move::Next, Move::Bump(6)]);
        assert_eq!(drained(&mut queue), [Move::Bump(7), Move::Next]);
        push_all(&mut queue, &[Move::Bump(5), Move::Rollback { to: 3 }, Move::Bump(4)]);
        assert_eq!(drained(&mut queue), [Move::Bump(5), Move::Rollback { to: 3 }, Move::Bump(4)]);
        assert!(queue.is_empty() && queue.suspects() == 0);
    }

    #[test]
    fn nothing_is_merged_into_what_is_being_sent() {
        for moved in [Move::Next, Move::Bump(5), Move::Bump(0), Move::Rollback { to: 5 }] {
            let mut queue = queue();
            push_all(&mut queue, &[moved]);
            assert_eq!(queue.begin(&name("a")), Some(moved));
            push_all(&mut queue, &[moved]);
            queue.applied(&name("a"));
            assert_eq!((queue.len(), queue.suspects()), (1, 1), "the second is yet to be sent");
            assert_eq!(drained(&mut queue), [moved]);
        }
    }

    #[test]
    fn what_was_interrupted_is_sent_again_first() {
        let mut queue = queue();
        push_all(&mut queue, &[Move::Rollback { to: 3 }]);
        queue.begin(&name("a"));
        push_all(&mut queue, &[Move::Bump(4)]);
        queue.interrupted();
        assert_eq!(drained(&mut queue), [Move::Rollback { to: 3 }, Move::Bump(4)]);
    }

    #[test]
    fn an_outage_does_not_make_one_aggregates_moves_endless() {
        let mut queue = queue();
        for version in 0..1_000 {
            push_all(&mut queue, &[Move::Bump(version + 2), Move::Restore { version: version + 3, of: version }]);
            push_all(&mut queue, &[Move::Rollback { to: version }]);
        }
        push_all(&mut queue, &[Move::Bump(2_000)]);
        let moves = drained(&mut queue);
        assert!(moves.len() <= MOST_MOVES, "{} moves", moves.len());
        assert_eq!(moves[0], Move::Next, "what was merged away is void");
        assert_eq!(moves[moves.len() - 2..], [Move::Rollback { to: 999 }, Move::Bump(2_000)]);
    }

    #[test]
    fn an_announcement_follows_the_moves_of_all_its_aggregates() {
        let mut queue = queue();
        queue.push(name("b"), Move::Next, true).expect("there is room");
        queue.push_announcement(announcement(&["a", "b"], Move::Next)).expect("there is room");
        assert!(queue.begin_announcements().is_empty());
        queue.begin(&name("b"));
        assert!(queue.begin_announcements().is_empty(), "it is unknown whether the store has it");
        queue.applied(&name("b"));
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.begin_announcements().len(), 1);
        queue.announced();
        assert!(queue.is_empty());
    }

    #[test]
    fn an_announcement_is_dropped_for_an_equal_one_that_is_yet_to_be_sent() {
        let mut queue = queue();
        let push = |queue: &mut RetryQueue, moved| {
            queue.push_announcement(announcement(&["a"], moved)).expect("there is room");
            queue.len()
        };
        assert_eq!((push(&mut queue, Move::Bump(5)), push(&mut queue, Move::Bump(5))), (1, 1));
        assert_eq!(push(&mut queue, Move::Rollback { to: 3 }), 2);
        assert_eq!(push(&mut queue, Move::Bump(5)), 3, "the number is used again, and tiers hear in order");
        queue.begin_announcements();
        assert_eq!(push(&mut queue, Move::Bump(5)), 4, "the last one is being sent");
        queue.interrupted();
        assert_eq!(push(&mut queue, Move::Bump(5)), 4);
        assert_eq!(queue.begin_announcements().len(), 4);
    }

    #[test]
    fn a_full_queue_refuses_what_it_does_not_know() {
        let mut queue = RetryQueue::new(1);
        queue.push(name("a"), Move::Next, true).expect("there is room");
        queue.push(name("a"), Move::Bump(2), true).expect("of an aggregate that waits");
        assert_eq!(queue.push(name("b"), Move::Next, false), Err(Full));
        assert!(!queue.is_suspect(&name("b")));
        assert_eq!(queue.push(name("b"), Move::Next, true), Err(Full));
        assert!(queue.is_suspect(&name("b")) && queue.is_suspect(&name("c")), "then all are suspect");
        queue.push_announcement(announcement(&["a"], Move::Next)).expect("there is room");
        assert_eq!(queue.push_announcement(announcement(&["b"], Move::Next)), Err(Full));
        drained(&mut queue);
        assert_eq!(queue.suspects(), 0);
    }
}
