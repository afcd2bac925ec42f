//! A world as bytes. Generations are compared by equality only, and readers have no names, so that worlds which differ in these
//! alone are one state: generations are numbered as they appear in the records, readers and entries are sorted. What no record
//! mentions any more is of no generation, and an entry of none is served no more.

use cachemacro_runtime::protocol::{FenceKind, Generation, Index, IndexParts, Snapshot, Token};

use crate::database::{Commit, Kind};
use crate::plan::{Function, Plan, Rule};
use crate::record::{self, ONE_GENERATION};
use crate::world::{Contents, Entry, MAX_ROWS, Phase, Reader, World};

/// The number of a generation that no record mentions.
const GONE: u8 = 0;
/// `None` in a byte.
const NONE: u8 = u8::MAX;

/// The numbers of the generations.
pub(crate) struct Names(Vec<Generation>);

impl Names {
    pub(crate) fn of(records: &[Option<Index>]) -> Self {
        // The first number is the one that all records share where the rule is off; no other can have its bits.
        let mut names = vec![ONE_GENERATION];
        for parts in records.iter().flatten().map(IndexParts::from) {
            let marks = parts.marks.iter().map(|(_, generation)| *generation);
            for generation in [parts.first].into_iter().chain(marks).chain([parts.fence_generation]) {
                if !names.contains(&generation) {
                    names.push(generation);
                }
            }
        }
        Self(names)
    }

    pub(crate) fn number(&self, generation: Generation) -> u8 {
        self.0.iter().position(|name| *name == generation).map_or(GONE, |at| at as u8 + 1)
    }
}

/// The generation of a number. That of a number which is not given is in no record.
pub(crate) fn generation(number: u8) -> Generation {
    Generation::from_bits(if number == GONE { u64::MAX } else { number.into() })
}

pub(crate) fn small(version: u64) -> u8 {
    u8::try_from(version).expect("few versions")
}

fn bits(flags: &[bool]) -> u8 {
    flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag))
}

fn flag(bits: u8, at: u32) -> bool {
    bits >> at & 1 == 1
}

pub(crate) fn encode(world: &World, plan: &Plan, bytes: &mut Vec<u8>) {
    let names = match world.failovers {
        0 => Names::of(&world.records),
        _ => Names::of(&[world.records[0].clone(), world.replicated.clone()]),
    };
    bytes.extend([world.writes, world.duplicates << 4 | world.losses, world.evictions << 4 | world.aborted]);
    for row in 0..plan.rows {
        let history = &world.rows[row].history;
        bytes.push(history.len() as u8);
        history.iter().for_each(|commit| encode_commit(commit, bytes));
        encode_record(world.records[row].as_ref(), &names, bytes);
    }
    bytes.push(world.failovers);
    if world.failovers > 0 {
        encode_record(world.replicated.as_ref(), &names, bytes);
    }
    let mut readers: Vec<_> = world.readers.iter().flatten().map(|reader| encode_reader(reader, &names)).collect();
    readers.sort_unstable();
    bytes.push(readers.len() as u8);
    readers.iter().for_each(|reader| bytes.extend(reader));
    let entries = world.entries.iter().flatten().filter(|entry| is_reachable(entry, world, plan));
    let entries = entries.map(|entry| encode_entry(entry, &names));
    let is_of_now = |entry: &[u8; 7]| entry[1] != GONE && (entry[3] != GONE || !plan.has(Rule::AllServe));
    let mut entries: Vec<_> = entries.filter(is_of_now).collect();
    entries.sort_unstable();
    entries.dedup();
    bytes.push(entries.len() as u8);
    entries.iter().for_each(|entry| bytes.extend(entry));
}

/// Whether a record may come to serve it again. A floor of one generation only rises, and only an alias or a rollback leads
/// to a version below it. Without a rule nothing is certain.
fn is_reachable(entry: &Entry, world: &World, plan: &Plan) -> bool {
    let Some(record) = &world.records[0] else { return true };
    let goes_back = plan.restores || plan.rolls_back;
    let is_below = entry.tokens[0].version < record.snapshot().floor;
    plan.without.is_some() || world.failovers > 0 || !is_below || entry.kind == FenceKind::Row && goes_back
}

pub(crate) fn encode_commit(commit: &Commit, bytes: &mut Vec<u8>) {
    let (kind, of) = match commit.kind {
        Kind::Bump => (0, 0),
        Kind::Restore { of } => (1, of),
        Kind::Rollback => (2, 0),
        Kind::Next => (3, 0),
    };
    let flags = bits(&[commit.acknowledged, commit.in_timeline]);
    bytes.extend([commit.version << 4 | commit.content, commit.readable << 4 | flags << 2 | kind]);
    if kind == 1 {
        bytes.push(of);
    }
}

pub(crate) fn encode_record(record: Option<&Index>, names: &Names, bytes: &mut Vec<u8>) {
    let Some(parts) = record.map(IndexParts::from) else { return bytes.push(NONE) };
    let young = record::ticks_until(parts.primary_only_until);
    bytes.push(bits(&[parts.unverified, parts.rotates]) | young << 2);
    let alias = parts.alias.map_or(NONE, small);
    bytes.extend([small(parts.floor), alias, names.number(parts.first), names.number(parts.fence_generation)]);
    bytes.push(parts.marks.len() as u8);
    parts.marks.iter().for_each(|(from, of)| bytes.extend([small(*from), names.number(*of)]));
}

fn encode_reader(reader: &Reader, names: &Names) -> [u8; 11] {
    let [first, second] = reader.snapshots.map(|snapshot| (names.number(snapshot.generation), small(snapshot.floor)));
    let flags = bits(&[reader.needs_primary, reader.asked_primary, reader.is_refresh]);
    let [content, further] = reader.contents;
    let [promised, later] = reader.promised;
    let function = reader.function as u8;
    [
        reader.phase as u8,
        function << 4 | flags,
        promised,
        later,
        first.0,
        first.1,
        second.0,
        second.1,
        reader.version,
        content,
        further,
    ]
}

fn encode_entry(entry: &Entry, names: &Names) -> [u8; 7] {
    let [first, second] = entry.tokens.map(|token| (small(token.version), names.number(token.generation)));
    let [content, further] = entry.contents;
    [first.0, first.1, second.0, second.1, entry.kind as u8, content, further]
}

/// Reads what `encode` wrote.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    pub(crate) fn next(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().expect("as many bytes as were written");
        self.0 = rest;
        *first
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next())
    }
}

pub(crate) fn decode(bytes: &[u8], plan: &Plan) -> World {
    let mut bytes = Bytes(bytes);
    let mut world = World::new(plan);
    let [writes, first, second] = bytes.array();
    world.writes = writes;
    (world.duplicates, world.losses) = (first >> 4, first & 15);
    (world.evictions, world.aborted) = (second >> 4, second & 15);
    for row in 0..plan.rows {
        world.rows[row].history = crate::list::List::default();
        for _ in 0..bytes.next() {
            world.rows[row].history.push(decode_commit(&mut bytes));
        }
        world.records[row] = decode_record(&mut bytes);
    }
    world.failovers = bytes.next();
    if world.failovers > 0 {
        world.replicated = decode_record(&mut bytes);
    }
    for _ in 0..bytes.next() {
        world.readers.push(Some(decode_reader(bytes.array())));
    }
    for _ in 0..bytes.next() {
        world.entries.push(Some(decode_entry(bytes.array())));
    }
    world
}

pub(crate) fn decode_commit(bytes: &mut Bytes<'_>) -> Commit {
    let [first, second] = bytes.array();
    Commit {
        version: first >> 4,
        content: first & 15,
        kind: match second & 3 {
            0 => Kind::Bump,
            1 => Kind::Restore { of: bytes.next() },
            2 => Kind::Rollback,
            _ => Kind::Next,
        },
        acknowledged: flag(second, 2),
        in_timeline: flag(second, 3),
        readable: second >> 4,
    }
}

pub(crate) fn decode_record(bytes: &mut Bytes<'_>) -> Option<Index> {
    let flags = bytes.next();
    if flags == NONE {
        return None;
    }
    let [floor, alias, first, fence_generation, marks] = bytes.array();
    let parts = IndexParts {
        floor: floor.into(),
        first: generation(first),
        marks: (0..marks).map(|_| (bytes.next().into(), generation(bytes.next()))).collect(),
        alias: (alias != NONE).then_some(alias.into()),
        unverified: flag(flags, 0),
        primary_only_until: record::now().after(record::ticks(flags >> 2)),
        rotates: flag(flags, 1),
        fence_generation: generation(fence_generation),
    };
    Some(parts.into())
}

fn decode_reader(bytes: [u8; 11]) -> Reader {
    let [phase, flags, promised, later, generation1, floor1, generation2, floor2, version, content, further] = bytes;
    let phases = [Phase::Early, Phase::Entered, Phase::Loaded, Phase::Asking, Phase::Answered, Phase::Verified];
    let functions = [Function::Row, Function::Opaque, Function::Source];
    let snapshot = |number, floor: u8| Snapshot { generation: generation(number), floor: floor.into() };
    Reader {
        function: functions[usize::from(flags >> 4)],
        phase: phases[usize::from(phase)],
        promised: [promised, later],
        snapshots: [snapshot(generation1, floor1), snapshot(generation2, floor2)],
        needs_primary: flag(flags, 0),
        asked_primary: flag(flags, 1),
        is_refresh: flag(flags, 2),
        version,
        contents: [content, further],
    }
}

fn decode_entry(bytes: [u8; 7]) -> Entry {
    let [version1, generation1, version2, generation2, kind, content, further] = bytes;
    let token = |version: u8, number| Token { version: version.into(), generation: generation(number) };
    let tokens: [Token; MAX_ROWS] = [token(version1, generation1), token(version2, generation2)];
    let contents: Contents = [content, further];
    let kind = if kind == FenceKind::Row as u8 { FenceKind::Row } else { FenceKind::Unversioned };
    Entry { tokens, kind, contents }
}
