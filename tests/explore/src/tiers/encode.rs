//! A world with a local tier as bytes: see `crate::encode`.

use cachemacro_runtime::protocol::{FenceKind, Snapshot, Token};

use super::{Fetch, Kept, PHASES, STAGES, Tiers};
use crate::encode::{Bytes, Names, decode_commit, decode_record, encode_commit, encode_record, generation, small};
use crate::list::List;

impl Tiers {
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let names = Names::of(&[self.shared.clone(), self.local.clone()]);
        bytes.extend([self.writes << 4 | self.duplicates, self.losses << 4 | self.evictions]);
        bytes.extend([self.gaps << 1 | u8::from(self.has_gap), self.row.history.len() as u8]);
        bytes.extend([self.own, self.early]);
        for (commit, stage) in self.row.history.iter().zip(self.stages) {
            encode_commit(commit, bytes);
            bytes.push(stage as u8);
        }
        encode_record(self.shared.as_ref(), &names, bytes);
        encode_record(self.local.as_ref(), &names, bytes);
        let kept = |kept: &Kept| {
            let Token { version, generation } = kept.token;
            [small(version), names.number(generation), kept.kind as u8, kept.content]
        };
        for list in [&self.entries, &self.copies] {
            let mut list: Vec<_> = list.iter().flatten().map(kept).filter(|kept| kept[1] != 0).collect();
            list.sort_unstable();
            bytes.push(list.len() as u8);
            list.iter().for_each(|kept| bytes.extend(kept));
        }
        let snapshot = |snapshot: Snapshot| [names.number(snapshot.generation), small(snapshot.floor)];
        let mut fetches: Vec<_> = self
            .fetches
            .iter()
            .flatten()
            .map(|fetch| {
                let ([there, floor], [here, low]) = (snapshot(fetch.there), snapshot(fetch.here));
                [fetch.phase as u8, fetch.kind as u8, there, floor, here, low, fetch.version, fetch.content]
            })
            .collect();
        fetches.sort_unstable();
        bytes.push(fetches.len() as u8);
        fetches.iter().for_each(|fetch| bytes.extend(fetch));
        bytes.push(self.channel.len() as u8);
        bytes.extend(&self.channel[..]);
    }

    pub(super) fn read_from(bytes: &[u8], initial: Self) -> Self {
        let mut bytes = Bytes(bytes);
        let mut state = initial;
        let [first, second, third, commits, own, early] = bytes.array();
        (state.own, state.early) = (own, early);
        (state.writes, state.duplicates) = (first >> 4, first & 15);
        (state.losses, state.evictions) = (second >> 4, second & 15);
        (state.gaps, state.has_gap) = (third >> 1, third & 1 == 1);
        state.row.history = List::default();
        for at in 0..usize::from(commits) {
            state.row.history.push(decode_commit(&mut bytes));
            state.stages[at] = STAGES[usize::from(bytes.next())];
        }
        state.shared = decode_record(&mut bytes);
        state.local = decode_record(&mut bytes);
        let kind = |kind: u8| if kind == FenceKind::Row as u8 { FenceKind::Row } else { FenceKind::Unversioned };
        for list in [&mut state.entries, &mut state.copies] {
            for _ in 0..bytes.next() {
                let [version, of, what, content] = bytes.array();
                let token = Token { version: version.into(), generation: generation(of) };
                list.push(Some(Kept { token, kind: kind(what), content }));
            }
        }
        for _ in 0..bytes.next() {
            let [phase, what, there, floor, here, low, version, content] = bytes.array();
            let snapshot = |of, floor: u8| Snapshot { generation: generation(of), floor: floor.into() };
            let (there, here) = (snapshot(there, floor), snapshot(here, low));
            let (phase, kind) = (PHASES[usize::from(phase)], kind(what));
            state.fetches.push(Some(Fetch { phase, kind, there, here, version, content }));
        }
        for _ in 0..bytes.next() {
            state.channel.push(bytes.next());
        }
        state
    }
}
