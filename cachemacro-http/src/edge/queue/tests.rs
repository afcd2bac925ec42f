use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::edge::Cdn;
use crate::edge::vendor::{Cloudflare, Fastly, Plan};

const REPEAT: Duration = Duration::from_secs(10);

fn at(millis: u64) -> Moment {
    Moment::default().after(Duration::from_millis(millis))
}

fn key() -> TagKey {
    TagKey::new("shop")
}

fn moved(name: &str) -> Moved {
    Moved::new(&key(), name)
}

fn unlimited() -> Limits {
    Limits { tags_per_call: 100, interval: Duration::ZERO, burst: 1, concurrent: 4 }
}

fn queue(limits: Limits) -> Queue {
    Queue::new(&key(), limits, Purging::DEFAULT)
}

fn call(queue: &mut Queue, now: Moment) -> Call {
    match queue.next(now) {
        Next::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_addition_is_purged_twice() {
    let mut queue = queue(unlimited());
    let ticket = queue.add([moved("user:7")], at(0));
    let first = call(&mut queue, at(0));
    assert_eq!(first.tags.len(), 2);
    assert!(first.tags.contains(&key().aggregate("user:7")) && first.tags.contains(&key().crowded("user")));
    assert_eq!(queue.next(at(0)), Next::Idle);
    queue.finish(first.id, Outcome::Done, at(150));
    assert_eq!(queue.next(at(150)), Next::At(at(10_000)));
    let second = call(&mut queue, at(10_000));
    assert_eq!(second.tags, first.tags);
    assert!(queue.done_up_to() < ticket);
    queue.finish(second.id, Outcome::Done, at(10_100));
    assert_eq!((queue.done_up_to(), queue.next(at(10_100))), (ticket, Next::Idle));
    assert_eq!(queue.stats(at(10_100)), QueueStats { purged: 4, ..QueueStats::default() });
}

#[test]
fn with_a_shield_a_third_time_after_the_second_is_answered() {
    let purging = Purging { shield: true, ..Purging::DEFAULT };
    let mut queue = Queue::new(&key(), unlimited(), purging);
    let ticket = queue.add([moved("user:7")], at(0));
    for (start, end) in [(0, 100), (10_000, 10_300), (20_300, 20_400)] {
        assert!(queue.done_up_to() < ticket);
        assert_eq!(
            queue.next(at(start - 1_u64.min(start))),
            if start == 0 { Next::Call(Call { id: 3, tags: queue_tags() }) } else { Next::At(at(start)) }
        );
        let id = if start == 0 { 3 } else { call(&mut queue, at(start)).id };
        queue.finish(id, Outcome::Done, at(end));
    }
    assert_eq!(queue.done_up_to(), ticket);
}

fn queue_tags() -> Vec<Tag> {
    let mut tags = vec![key().aggregate("user:7"), key().crowded("user")];
    tags.sort();
    tags
}

#[test]
fn a_purge_that_is_late_is_not_repeated() {
    let mut queue = queue(unlimited());
    let ticket = queue.add([moved("user:7")], at(0));
    let late = call(&mut queue, at(10_000));
    queue.finish(late.id, Outcome::Done, at(10_001));
    assert_eq!(queue.done_up_to(), ticket);
}

#[test]
fn an_addition_during_a_call_is_purged_after_it() {
    let mut queue = queue(unlimited());
    queue.add([moved("user:7")], at(0));
    let first = call(&mut queue, at(5));
    // At the same moment, but later.
    let ticket = queue.add([moved("user:7")], at(5));
    let second = call(&mut queue, at(5));
    assert_eq!(first.tags, second.tags);
    queue.finish(first.id, Outcome::Done, at(10));
    queue.finish(second.id, Outcome::Done, at(11));
    let last = call(&mut queue, at(10_005));
    queue.finish(last.id, Outcome::Done, at(10_006));
    assert_eq!((queue.done_up_to(), queue.next(at(10_006))), (ticket, Next::Idle));
}

#[test]
fn additions_of_a_queued_tag_cost_nothing() {
    let mut queue = queue(Limits { interval: Duration::from_millis(200), ..unlimited() });
    queue.add([moved("city:1")], at(0));
    let first = call(&mut queue, at(0));
    for millis in 1..200 {
        queue.add([moved("user:7")], at(millis));
    }
    assert_eq!(queue.stats(at(199)).depth, 4);
    queue.finish(first.id, Outcome::Done, at(199));
    let second = call(&mut queue, at(200));
    queue.finish(second.id, Outcome::Done, at(200));
    let repeated = call(&mut queue, at(10_000));
    assert!(first.tags == repeated.tags && second.tags.contains(&key().aggregate("user:7")));
    // The repeated purge is counted from the last one.
    assert_eq!(queue.next(at(10_198)), Next::At(at(10_200)));
    assert_eq!(call(&mut queue, at(10_200)).tags, second.tags);
}

/// A tag that moves once more just before its repeated purge gets that all the same.
#[test]
fn no_addition_delays_the_purges_of_another() {
    let mut queue = queue(unlimited());
    for time in [0, 600, 9_500] {
        queue.add([moved("user:7")], at(time));
        let call = call(&mut queue, at(time));
        queue.finish(call.id, Outcome::Done, at(time));
    }
    // The first two are near enough to each other for one purge.
    for time in [10_600, 19_500] {
        assert_eq!(queue.next(at(time - 1)), Next::At(at(time)));
        let call = call(&mut queue, at(time));
        queue.finish(call.id, Outcome::Done, at(time));
    }
    assert_eq!(queue.next(at(19_500)), Next::Idle);
}

#[test]
fn a_call_counts_for_no_later_addition() {
    let mut queue = queue(unlimited());
    queue.add([moved("user:7")], at(5));
    let first = call(&mut queue, at(5));
    queue.add([moved("user:7")], at(5));
    queue.finish(first.id, Outcome::Done, at(5));
    assert_eq!(call(&mut queue, at(5)).tags, first.tags);
}

/// A tag that is purged all the time: the tickets go on.
#[test]
fn a_tag_that_moves_without_end_is_acknowledged() {
    let mut queue = queue(Limits { interval: Duration::from_millis(200), burst: 5, ..unlimited() });
    let mut most = 0;
    for millis in 0..120_000 {
        queue.add([moved("user:7")], at(millis));
        while let Next::Call(call) = queue.next(at(millis)) {
            queue.finish(call.id, Outcome::Done, at(millis));
        }
        most = most.max(queue.last_ticket.0 - queue.done_up_to().0);
        assert!(queue.entries.len() <= 2 && queue.pending.len() <= 2);
    }
    assert!((10_000..12_000).contains(&most), "{most} wait");
}

#[test]
fn a_cdn_that_fails_is_asked_less_and_less() {
    let mut queue = queue(unlimited());
    let ticket = queue.add([moved("user:7")], at(0));
    let (mut now, mut waits) = (at(0), Vec::new());
    for _ in 0..12 {
        let call = call(&mut queue, now);
        queue.finish(call.id, Outcome::Again(None), now);
        let Next::At(next) = queue.next(now) else { panic!("it waits") };
        waits.push(next.since(now));
        now = next;
    }
    assert!(waits[0] <= FIRST_DELAY && waits[0] >= FIRST_DELAY / 2);
    assert!(waits[11] <= LONGEST_DELAY && waits[11] >= LONGEST_DELAY / 2);
    assert_eq!(queue.stats(now).failed, 12);
    assert_eq!(queue.oldest(now), now.since(at(0)));
    // One call at a time, until one succeeds.
    queue.add((0..300).map(|id| moved(&format!("city:{id}"))), now);
    let probe = call(&mut queue, now);
    assert_eq!(queue.next(now), Next::Idle);
    queue.finish(probe.id, Outcome::Done, now);
    let more: Vec<_> = (0..3).map(|_| call(&mut queue, now)).collect();
    for call in more {
        queue.finish(call.id, Outcome::Done, now);
    }
    assert!(queue.done_up_to() >= ticket, "the late one counted for both");
}

#[test]
fn calls_that_fail_together_count_once() {
    let mut queue = queue(unlimited());
    queue.add((0..300).map(|id| moved(&format!("user:{id}"))), at(0));
    let calls: Vec<_> = (0..4).map(|_| call(&mut queue, at(0))).collect();
    for call in calls {
        queue.finish(call.id, Outcome::Again(None), at(100));
    }
    assert_eq!(queue.trouble.failures, 1);
}

#[test]
fn what_a_cdn_wishes_is_kept() {
    let limits = Limits { interval: Duration::from_millis(200), burst: 20, ..unlimited() };
    let mut queue = queue(limits);
    queue.add((0..900).map(|id| moved(&format!("user:{id}"))), at(0));
    let first = call(&mut queue, at(0));
    queue.finish(first.id, Outcome::Again(Some(Duration::from_secs(7))), at(100));
    assert_eq!(queue.next(at(100)), Next::At(at(7_100)));
    let probe = call(&mut queue, at(7_100));
    assert_eq!(probe.tags, first.tags, "it keeps its place");
    queue.finish(probe.id, Outcome::Done, at(7_100));
    // The bucket is empty.
    assert_eq!(queue.next(at(7_100)), Next::At(at(7_300)));
    // A day is too long.
    let call = call(&mut queue, at(7_300));
    queue.finish(call.id, Outcome::Again(Some(Duration::from_secs(86_400))), at(7_300));
    assert_eq!(queue.next(at(7_300)), Next::At(at(3_607_300)));
}

#[test]
fn what_is_partly_done_is_partly_repeated() {
    let mut queue = queue(unlimited());
    queue.add([moved("user:7"), moved("city:1")], at(0));
    let first = call(&mut queue, at(0));
    assert_eq!(first.tags.len(), 4);
    queue.finish(first.id, Outcome::Partial(vec![first.tags[1]]), at(10));
    assert_eq!(call(&mut queue, at(10)).tags, [first.tags[1]]);
}

#[test]
fn a_full_queue_purges_a_kind_then_the_namespace() {
    let mut queue = queue(unlimited()).capacity(100);
    queue.add([moved("city:1")], at(0));
    let first = call(&mut queue, at(0));
    for id in 0..97 {
        queue.add([moved(&format!("user:{id}"))], at(1));
    }
    assert_eq!((queue.entries.len(), queue.counts.to_kind), (100, 0));
    queue.add([moved("user:98")], at(2));
    let tags: Vec<_> = queue.entries.keys().copied().collect();
    assert_eq!(tags.len(), 3);
    assert!(tags.contains(&key().kind("user")) && tags.contains(&key().aggregate("city:1")));
    // While the kind waits, it takes what is added.
    queue.add([moved("user:99")], at(3));
    assert_eq!(queue.entries.len(), 3);
    queue.finish(first.id, Outcome::Done, at(3));
    let second = call(&mut queue, at(3));
    assert_eq!(second.tags, [key().kind("user")]);
    // Once it is sent, they are single again.
    queue.add([moved("user:100")], at(4));
    assert_eq!((queue.entries.len(), queue.counts.to_kind, queue.counts.to_namespace), (5, 1, 0));
    // Many kinds with few aggregates each.
    for id in 0..60 {
        queue.add([moved(&format!("tenant{id}:1"))], at(5));
    }
    assert_eq!((queue.counts.to_kind, queue.counts.to_namespace), (1, 1));
    assert!(queue.entries.contains_key(&key().namespace()));
    let third = call(&mut queue, at(6));
    assert_eq!(third.tags[0], key().namespace(), "it has the place of the oldest");
}

#[test]
fn nothing_moved_is_done_at_once() {
    let mut queue = queue(unlimited());
    let ticket = queue.add([], at(0));
    assert_eq!((ticket.number(), queue.done_up_to()), (1, ticket));
    let ticket = queue.add_kind(key().kind("user"), at(0));
    assert_eq!(call(&mut queue, at(0)).tags, [key().kind("user")]);
    assert!(queue.done_up_to() < ticket);
}

#[test]
fn capacities() {
    let of = |limits| Queue::default_capacity(limits);
    assert_eq!(of(Cloudflare::zone("a").limits()), 100);
    assert_eq!(of(Cloudflare::zone("a").plan(Plan::Pro).limits()), 2_500);
    assert_eq!(of(Cloudflare::zone("a").plan(Plan::Enterprise).limits()), 10_000);
    assert_eq!(of(Fastly::service("a").limits()), 10_000);
    assert_eq!(of(unlimited()), 10_000);
}

/// What a queue must do, by the list of all additions and of all calls.
struct Model {
    queue: Queue,
    limits: Limits,
    shield: bool,
    now: Moment,
    /// Counts additions and calls.
    step: u64,
    additions: Vec<Addition>,
    calls: BTreeMap<u64, Made>,
    under_way: Vec<u64>,
}

struct Addition {
    step: u64,
    time: Moment,
    ticket: Ticket,
    moved: Moved,
}

struct Made {
    step: u64,
    start: Moment,
    tags: Vec<Tag>,
    end: Option<Moment>,
    purged: Vec<Tag>,
}

impl Model {
    fn new(limits: Limits, capacity: usize, shield: bool) -> Self {
        let purging = Purging { shield, ..Purging::DEFAULT };
        let queue = Queue::new(&key(), limits, purging).capacity(capacity);
        let (additions, calls, under_way) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { queue, limits, shield, now: at(0), step: 0, additions, calls, under_way }
    }

    fn add(&mut self, names: &[String]) {
        self.step += 1;
        let all: Vec<_> = names.iter().map(|name| moved(name)).collect();
        let ticket = self.queue.add(all.iter().copied(), self.now);
        let new = all.into_iter().map(|moved| Addition { step: self.step, time: self.now, ticket, moved });
        self.additions.extend(new);
    }

    fn call(&mut self) -> bool {
        let Next::Call(call) = self.queue.next(self.now) else { return false };
        self.step += 1;
        assert!(call.tags.len() <= self.limits.tags_per_call && !call.tags.is_empty());
        self.under_way.push(call.id);
        assert!(self.under_way.len() <= self.limits.concurrent);
        let made = Made { step: self.step, start: self.now, tags: call.tags, end: None, purged: Vec::new() };
        self.calls.insert(call.id, made);
        true
    }

    fn finish(&mut self, which: usize, outcome: u8) {
        if self.under_way.is_empty() {
            return;
        }
        let id = self.under_way.swap_remove(which % self.under_way.len());
        let made = self.calls.get_mut(&id).expect("it was made");
        made.end = Some(self.now);
        let (outcome, purged) = match outcome {
            0..6 => (Outcome::Done, made.tags.clone()),
            6 => (Outcome::Again(None), Vec::new()),
            7 => (Outcome::Again(Some(Duration::from_secs(3))), Vec::new()),
            _ => {
                let (missing, purged) = made.tags.split_at(made.tags.len() / 2);
                (Outcome::Partial(missing.to_vec()), purged.to_vec())
            }
        };
        made.purged = purged;
        self.queue.finish(id, outcome, self.now);
        self.check_tickets();
        self.check_first();
    }

    /// Purges of a tag or of what is wider, that were acknowledged and began after the addition.
    fn purges<'a>(&'a self, addition: &'a Addition, tag: Tag) -> impl Iterator<Item = &'a Made> {
        let covers = [tag, addition.moved.kind, key().namespace()];
        self.calls
            .values()
            .filter(move |made| made.step > addition.step && made.purged.iter().any(|purged| covers.contains(purged)))
    }

    fn is_done(&self, addition: &Addition) -> bool {
        [addition.moved.aggregate, addition.moved.crowded].into_iter().all(|tag| {
            let after = |time: Moment| self.purges(addition, tag).filter(move |made| made.start >= time);
            let second = after(addition.time.after(REPEAT)).filter_map(|made| made.end).min();
            match second {
                Some(second) if self.shield => after(second.after(REPEAT)).next().is_some(),
                second => second.is_some(),
            }
        })
    }

    /// When nothing is due, each addition has been purged after it.
    fn check_first(&self) {
        if self.queue.is_busy(self.now) {
            return;
        }
        for addition in &self.additions {
            for tag in [addition.moved.aggregate, addition.moved.crowded] {
                assert!(self.purges(addition, tag).next().is_some(), "an addition has no purge");
            }
        }
    }

    fn check_tickets(&self) {
        let done = self.queue.done_up_to();
        for addition in self.additions.iter().filter(|addition| addition.ticket <= done) {
            assert!(self.is_done(addition), "ticket {:?} is not done", addition.ticket);
        }
    }

    fn check_rate(&self) {
        let starts: Vec<_> = self.calls.values().map(|made| made.start).collect();
        for (first, start) in starts.iter().enumerate() {
            for (count, end) in starts[first..].iter().enumerate() {
                let intervals = end.since(*start).as_nanos().checked_div(self.limits.interval.as_nanos());
                let most = intervals.map_or(u128::MAX, |intervals| intervals + u128::from(self.limits.burst));
                assert!((count + 1) as u128 <= most, "{} calls in {:?}", count + 1, end.since(*start));
            }
        }
    }

    /// Answers all calls until the queue is empty.
    fn drain(&mut self) {
        for _ in 0..100_000 {
            if self.call() {
                continue;
            }
            if !self.under_way.is_empty() {
                self.finish(0, 0);
                continue;
            }
            match self.queue.next(self.now) {
                Next::At(next) => self.now = next,
                Next::Idle => return,
                Next::Call(_) => unreachable!("all calls were made"),
            }
        }
        panic!("it has no end");
    }

    fn check_all(&self) {
        assert_eq!(self.queue.done_up_to(), self.queue.last_ticket);
        assert!(self.queue.entries.is_empty() && self.queue.pending.is_empty() && self.queue.kinds.is_empty());
        for addition in &self.additions {
            assert!(self.is_done(addition));
        }
        self.check_rate();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<String>),
    Call,
    Finish(usize, u8),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = (0..4_u8, 0..12_u8).prop_map(|(kind, id)| format!("kind{kind}:{id}"));
    let step = prop_oneof![
        4 => prop::collection::vec(name, 0..4).prop_map(Step::Add),
        4 => Just(Step::Call),
        4 => (0..4_usize, 0..9_u8).prop_map(|(which, outcome)| Step::Finish(which, outcome)),
        2 => (0..4_000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nothing_is_lost(
        steps in steps(),
        shield: bool,
        tags_per_call in 1..6_usize,
        interval in prop_oneof![Just(0_u64), Just(200), Just(1_500)],
        burst in 1..5_u32,
        concurrent in 1..4_usize,
        capacity in prop_oneof![Just(16_usize), Just(1_000)],
    ) {
        let limits = Limits { tags_per_call, interval: Duration::from_millis(interval), burst, concurrent };
        let mut model = Model::new(limits, capacity, shield);
        for step in steps {
            match step {
                Step::Add(names) => model.add(&names),
                Step::Call => _ = model.call(),
                Step::Finish(which, outcome) => model.finish(which, outcome),
                Step::Wait(millis) => model.now = model.now.after(Duration::from_millis(millis)),
            }
            prop_assert!(model.queue.entries.len() <= capacity);
        }
        model.drain();
        model.check_all();
    }
}

/// 10,000 events a second for 10 s, against 5 calls a second of 100 tags: the bound holds.
#[test]
fn the_bound_holds_under_load() {
    let cdn = Cloudflare::zone("a").plan(Plan::Pro);
    let answer = Duration::from_millis(150);
    let mut queue = Queue::new(&key(), cdn.limits(), cdn.purging());
    let bound = queue.bound(answer);
    assert_eq!(bound.first, Duration::from_millis(27 * 200 + 150));
    let key = key();
    let mut under_way: Vec<(Moment, u64)> = Vec::new();
    // For each tag that has moved: the first and the last time of which no purge is known yet.
    let (mut first_waits, mut last_waits): (BTreeMap<Tag, Moment>, BTreeMap<Tag, Moment>) = Default::default();
    let mut kind_of: BTreeMap<Tag, Tag> = BTreeMap::new();
    let kinds = ["user", "order", "city"].map(|kind| key.kind(kind));
    let crowded = ["user", "order", "city"].map(|kind| key.crowded(kind));
    let mut sent: BTreeMap<u64, (Moment, Vec<Tag>)> = BTreeMap::new();
    let (mut worst_first, mut worst_last, mut most, mut calls) = (Duration::ZERO, Duration::ZERO, 0, 0);
    let mut now = at(0);
    let end = at(10_000);
    let mut id = 0_u32;
    loop {
        if now < end {
            // Ten of each millisecond, in three kinds.
            for _ in 0..10 {
                let kind = id as usize % 3;
                let name = format!("{}:{}", ["user", "order", "city"][kind], id % 30_000);
                let moved = Moved::of(key.aggregate(&name), crowded[kind], kinds[kind]);
                queue.add([moved], now);
                first_waits.entry(moved.aggregate).or_insert(now);
                last_waits.insert(moved.aggregate, now);
                kind_of.insert(moved.aggregate, moved.kind);
                id += 1;
            }
        }
        most = most.max(queue.stats(now).depth);
        under_way.retain(|(end, call)| {
            if *end <= now {
                queue.finish(*call, Outcome::Done, now);
                let (start, tags) = sent.remove(call).expect("it was sent");
                let is_wide = |tag: &Tag| *tag == key.namespace() || kinds.contains(tag);
                let wide: Vec<_> = tags.iter().filter(|tag| is_wide(tag)).copied().collect();
                let covers = |tag: &Tag, waits: &mut BTreeMap<Tag, Moment>, after: Duration, worst: &mut Duration| {
                    if let Some(since) = waits.get(tag).copied().filter(|since| since.after(after) <= start) {
                        *worst = (*worst).max(now.since(since));
                        waits.remove(tag);
                    }
                };
                let all = kind_of.iter().filter(|(_, kind)| wide.contains(kind) || wide.contains(&key.namespace()));
                let all: Vec<_> = if wide.is_empty() { Vec::new() } else { all.map(|(tag, _)| *tag).collect() };
                for tag in tags.iter().chain(&all) {
                    covers(tag, &mut first_waits, Duration::ZERO, &mut worst_first);
                    covers(tag, &mut last_waits, REPEAT, &mut worst_last);
                }
            }
            *end > now
        });
        while let Next::Call(call) = queue.next(now) {
            calls += 1;
            under_way.push((now.after(answer), call.id));
            sent.insert(call.id, (now, call.tags));
        }
        if now >= end && queue.entries.is_empty() {
            break;
        }
        now = now.after(Duration::from_millis(1));
    }
    println!(
        "first {worst_first:?} of {:?}, last {worst_last:?} of {:?}, depth {most}, {calls} calls, {:?}",
        bound.first, bound.last, queue.counts
    );
    assert!(first_waits.is_empty() && last_waits.is_empty(), "nothing is lost");
    assert!(most <= 2_500);
    assert!(worst_first <= bound.first && worst_last <= bound.last);
    assert_eq!(queue.done_up_to().number(), 100_000);
}

/// The cost of an addition does not grow with what waits.
#[test]
fn many_events_for_minutes() {
    let cdn = Cloudflare::zone("a").plan(Plan::Pro);
    let mut queue = Queue::new(&key(), cdn.limits(), cdn.purging());
    let key = key();
    let (crowded, kind) = (key.crowded("user"), key.kind("user"));
    let all: Vec<_> = (0..50_000).map(|id| Moved::of(key.aggregate(&format!("user:{id}")), crowded, kind)).collect();
    let start = std::time::Instant::now();
    for event in 0..300_000_u64 {
        let now = Moment::default().after(Duration::from_micros(event * 100));
        queue.add([all[(event as usize * 7919) % all.len()]], now);
        if event % 100 == 0 {
            while let Next::Call(call) = queue.next(now) {
                queue.finish(call.id, Outcome::Done, now);
            }
        }
        assert!(queue.entries.len() <= 2_500 && queue.pending.len() <= 2_500);
    }
    println!("{:?} for each of 300,000 additions", start.elapsed() / 300_000);
    let wait = queue.last_ticket.0 - queue.done_up_to().0;
    assert!(wait < 10_000 * 60, "{wait} tickets wait");
}
