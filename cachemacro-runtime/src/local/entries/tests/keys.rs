//! Keys that meet in one bucket, or have one hash, are told apart.

use super::*;
use crate::key::KeyRef;

const HASH: u64 = 0x1234_5678_0000_0007;

fn probes() -> Vec<Probe<'static>> {
    let of = |function, key| Probe { hash: HASH, function, key };
    let long = b"a text of more than thirty bytes, whose hash is that of the others";
    vec![
        of(1, KeyRef::Text(b"7")),
        of(2, KeyRef::Text(b"7")),
        of(u32::MAX, KeyRef::Text(b"7")),
        of(1, KeyRef::Parts(b"7")),
        of(1, KeyRef::Text(b"")),
        of(1, KeyRef::Parts(b"")),
        of(1, KeyRef::Text(b"77")),
        of(1, KeyRef::Text(long)),
        of(1, KeyRef::Text(&long[..65])),
        // The hash of a number is computed from it.
        Probe { hash: hash_of_word(7, 1), function: 1, key: KeyRef::Word(7) },
        Probe { hash: hash_of_word(7, 2), function: 2, key: KeyRef::Word(7) },
        Probe { hash: hash_of_word(u64::from(b'7'), 1), function: 1, key: KeyRef::Word(u64::from(b'7')) },
    ]
}

impl World {
    fn fill_at(&self, probe: Probe<'_>, number: u64) {
        let entered = self.records.enter(self.records.name(&format!("record:{number}")), false, self.now);
        let fenced = Fenced {
            records: &[entered.id],
            snapshots: &[entered.snapshot],
            fence: Fence::Row(1),
            from_primary: true,
            is_void: &|| false,
        };
        self.put_at(probe, fenced, Content::Value(Arc::new(number)), VALUE).expect("is admitted");
        self.records.let_go(entered.id);
    }

    fn at(&self, probe: Probe<'_>) -> Option<u64> {
        let object = self.table.hit(probe, self.now.second(), &self.records, &mut Other::Nothing)?;
        object.downcast_ref().copied()
    }
}

#[test]
fn keys_of_one_hash_are_different_keys() {
    let (world, probes) = (World::new(Memory::default()), probes());
    for (number, probe) in (0..).zip(&probes) {
        world.fill_at(*probe, number);
    }
    for (number, probe) in (0..).zip(&probes) {
        assert_eq!(world.at(*probe), Some(number));
        world.fill_at(*probe, number + 100);
    }
    assert_eq!(world.table.len(), probes.len() as u64);
    for gone in 0..probes.len() {
        let mut dropped = Dropped::default();
        world.table.discard(probes[gone], &mut dropped);
        dropped.release(&world.records);
        for (number, probe) in (0..).zip(&probes) {
            assert_eq!(world.at(*probe), Some(number + 100).filter(|_| number as usize > gone), "{gone} {number}");
        }
    }
    assert_eq!((world.table.len(), world.table.weight(), world.records.len()), (0, 0, 0));
}

#[test]
fn evictions_are_counted_for_every_function() {
    let world = World::new(Memory::entries(1));
    for function in [3, 4095, 4096, 70_000] {
        for word in 0..3 {
            world.fill_at(Probe { hash: hash_of_word(word, function), function, key: KeyRef::Word(word) }, 1);
        }
    }
    // The last entry of each function is evicted by the next one's first.
    let evictions = world.table.evictions();
    assert_eq!(evictions, [(3, 3), (4095, 3), (4096, 3), (70_000, 2)].into());
}
