//! The moves that events announce.

use std::collections::HashMap;
use std::slice;

use super::aggregates::{Aggregate, AggregateKey, Aggregates};
use super::here::Here;
use crate::protocol::Move;

/// More moves than this are found by the names of their aggregates.
const FEW: usize = 32;

/// The moves that events announce: what [`CacheEvent::moves`](super::CacheEvent::moves) fills.
#[derive(Debug, Default)]
pub struct Moves {
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Listed(Listed),
    /// Moves that stay in this process are applied as they are added.
    Applied(Here),
}

/// Moves in the order in which they are sent.
#[derive(Debug, Default)]
struct Listed {
    moves: Vec<(Aggregate, Move)>,
    /// The places of each aggregate's moves; `None` while there are so few that all are looked at.
    places: Option<HashMap<Aggregate, Vec<usize>>>,
}

impl Listed {
    fn push(&mut self, name: Aggregate, moved: Move) {
        if self.places.is_none() && self.moves.len() < FEW {
            let of_it = self.moves.iter_mut().rev().filter(|(other, _)| *other == name).map(|(_, moved)| moved);
            if !moved.merges_into(of_it) {
                self.moves.push((name, moved));
            }
            return;
        }
        let all = self.places.get_or_insert_with(|| {
            let mut places: HashMap<_, Vec<_>> = HashMap::new();
            for (place, (name, _)) in self.moves.iter().enumerate() {
                places.entry(name.clone()).or_default().push(place);
            }
            places
        });
        let places = all.entry(name.clone()).or_default();
        let mut rest = &mut self.moves[..];
        let of_it = places.iter().rev().map_while(|place| {
            let (before, from) = std::mem::take(&mut rest).split_at_mut(*place);
            rest = before;
            from.first_mut().map(|(_, moved)| moved)
        });
        if !moved.merges_into(of_it) {
            places.push(self.moves.len());
            self.moves.push((name, moved));
        }
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self::Listed(Listed::default())
    }
}

impl Moves {
    /// For events that do not leave this process.
    pub(crate) fn applied(here: Here) -> Self {
        Self { kept: Kept::Applied(here) }
    }

    /// Adds a move of every aggregate that the key names.
    ///
    /// Moves of one aggregate are coalesced where that changes nothing (R20).
    #[doc(hidden)]
    pub fn add(&mut self, key: &impl AggregateKey, moved: Move) {
        if let Kept::Applied(here) = &self.kept {
            return key.render(&mut Aggregates::moved(here, moved));
        }
        let mut names = Aggregates::default();
        key.render(&mut names);
        for name in names.into_names() {
            self.push(name, moved);
        }
    }

    pub(crate) fn push(&mut self, name: Aggregate, moved: Move) {
        if let Kept::Listed(listed) = &mut self.kept {
            listed.push(name, moved);
        }
    }

    /// Adds the moves of a later event. Of one aggregate those merge that can.
    pub(crate) fn append(&mut self, more: Self) {
        if self.iter().len() == 0 {
            *self = more;
        } else {
            more.into_moves().into_iter().for_each(|(name, moved)| self.push(name, moved));
        }
    }

    pub(crate) fn iter(&self) -> slice::Iter<'_, (Aggregate, Move)> {
        match &self.kept {
            Kept::Listed(listed) => listed.moves.iter(),
            Kept::Applied(_) => [].iter(),
        }
    }

    /// Whether the moves are applied as they are added.
    pub(crate) const fn are_applied(&self) -> bool {
        matches!(self.kept, Kept::Applied(_))
    }

    pub(crate) fn into_moves(self) -> Vec<(Aggregate, Move)> {
        match self.kept {
            Kept::Listed(listed) => listed.moves,
            Kept::Applied(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::here::LocalRecords;
    use super::*;
    use crate::key::{KeyPart, Name, Names};

    #[test]
    fn bumps_of_one_aggregate_coalesce_to_the_maximum() {
        let (a, b) = (Aggregate::new("a:1"), Aggregate::new("b:1"));
        let mut moves = Moves::default();
        for (name, version) in [(&a, 5), (&b, 1), (&a, 6), (&a, 4)] {
            moves.push(name.clone(), Move::Bump(version));
        }
        assert_eq!(moves.into_moves(), [(a, Move::Bump(6)), (b, Move::Bump(1))]);
    }

    #[test]
    fn the_moves_of_a_later_event_coalesce_with_those_before() {
        let (a, b) = (Aggregate::new("a:1"), Aggregate::new("b:1"));
        let event = |moves: &[(&Aggregate, u64)]| {
            let mut all = Moves::default();
            moves.iter().for_each(|(name, version)| all.push((*name).clone(), Move::Bump(*version)));
            all
        };
        let mut batch = event(&[(&a, 5)]);
        batch.append(event(&[(&b, 1), (&a, 6)]));
        batch.append(event(&[(&a, 4)]));
        assert_eq!(batch.into_moves(), [(a, Move::Bump(6)), (b, Move::Bump(1))]);
    }

    /// What many moves coalesce to is what a few do.
    #[test]
    fn many_moves_coalesce_as_few_do() {
        let some = [Move::Bump(9), Move::Next, Move::Bump(8), Move::Rollback { to: 7 }, Move::Bump(10), Move::Bump(9)];
        let mut one = Moves::default();
        some.iter().for_each(|moved| one.push(Aggregate::new("a"), *moved));
        let expected: Vec<_> = one.into_moves().into_iter().map(|(_, moved)| moved).collect();

        let names: Vec<_> = (0..3 * FEW).map(|id| Aggregate::new(&format!("a:{id}"))).collect();
        let mut many = Moves::default();
        for moved in some {
            names.iter().for_each(|name| many.push(name.clone(), moved));
        }
        let many = many.into_moves();
        for name in names {
            let of_it: Vec<_> = many.iter().filter(|(other, _)| *other == name).map(|(_, moved)| *moved).collect();
            assert_eq!(of_it, expected);
        }
    }

    #[test]
    fn a_rollback_keeps_its_place_between_bumps() {
        let name = Aggregate::new("a:1");
        let mut moves = Moves::default();
        for moved in [Move::Bump(9), Move::Rollback { to: 7 }, Move::Bump(8)] {
            moves.push(name.clone(), moved);
        }
        assert_eq!(moves.into_moves().len(), 3);
    }

    /// A key with three names: of a text and a number, of the number alone, and of an optional text.
    struct Key(&'static str, i64, Option<&'static str>);

    impl AggregateKey for Key {
        const TEMPLATES: &'static [&'static str] = &[];

        fn render(&self, out: &mut Aggregates) {
            let key = out.begin();
            key.fixed("row:");
            self.0.render(key);
            key.fixed(":");
            self.1.render(key);
            out.end();
            out.name("of:", &self.1);
            out.name("of:", &self.2);
        }
    }

    /// The moves, in the order in which they were applied.
    #[derive(Debug)]
    struct Applied(Names, Mutex<Vec<(Name, Move)>>);

    impl LocalRecords for Applied {
        fn names(&self) -> Names {
            self.0
        }

        fn apply(&self, name: Name, moved: Move) {
            self.1.lock().expect("no test panics in it").push((name, moved));
        }
    }

    #[test]
    fn moves_that_stay_here_are_applied_one_by_one_under_the_hashes_of_their_texts() {
        let here = Arc::new(Applied(Names::random(), Mutex::default()));
        let (mut listed, mut applied) = (Moves::default(), Moves::applied(Arc::clone(&here) as Here));
        let keys = [Key("a", 7, None), Key("b%", -7, Some("ü")), Key("", i64::MAX, Some(""))];
        for (key, moved) in keys.iter().zip([Move::Bump(3), Move::Rollback { to: 1 }, Move::Next]) {
            listed.add(key, moved);
            applied.add(key, moved);
        }
        let listed = listed.into_moves();
        let texts: Vec<_> = listed.iter().map(|(name, _)| name.as_str()).collect();
        let all = [
            ["row:a:7", "of:7", "of:%-"],
            ["row:b%25:-7", "of:-7", "of:%C3%BC"],
            ["row::9223372036854775807", "of:9223372036854775807", "of:"],
        ];
        assert_eq!(texts, all.concat());
        let hashed = |(name, moved): (Aggregate, Move)| (here.names().of_text(name.as_str().as_bytes()), moved);
        let hashed: Vec<_> = listed.into_iter().map(hashed).collect();
        assert_eq!(hashed, *here.1.lock().expect("no test panics in it"));
        assert!(applied.into_moves().is_empty(), "none is sent");
    }
}
