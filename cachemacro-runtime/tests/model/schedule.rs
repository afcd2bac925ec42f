//! Schedules: the real engine, with every caller, load, commit and event a step that chance puts in some order.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachemacro_runtime::store::{Aggregate, Move};
use cachemacro_runtime::{Cache, ManualClock, load_hint};

use crate::database::{Database, Event, Write};
use crate::sites::{Function, RowMoved, Sites, TTL, Value};

const ROWS: usize = 2;
const MAX_READERS: usize = 4;
/// More polls than any call needs while all other tasks stand still.
const ENOUGH_POLLS: usize = 200;

/// What may happen in a schedule.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) sites: &'static Sites,
    pub(crate) functions: &'static [Function],
    /// Versions are used again after a rollback.
    pub(crate) rollbacks: bool,
    pub(crate) restores: bool,
    pub(crate) deletes: bool,
    /// How far replicas lag.
    pub(crate) lag: Duration,
    /// What the cache was told of that.
    pub(crate) source_lag: Duration,
    /// Whether events arrive before a schedule ends.
    pub(crate) delivers: bool,
    pub(crate) duplicates: u8,
}

/// Forgets the index records of some aggregates.
pub(crate) type Lose = Box<dyn Fn(&[Aggregate])>;

/// What is held against the model.
pub(crate) struct Subject {
    pub(crate) cache: Cache,
    pub(crate) clock: ManualClock,
    pub(crate) lose: Lose,
    /// Whether it holds more than a schedule asks for, so that what was read is found again.
    pub(crate) is_roomy: bool,
}

/// One step of a schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Begin(Function, usize),
    Go(usize),
    Cancel(usize),
    Write(usize, Write),
    Deliver(usize),
    Pass(Duration),
    Lose(usize),
    /// All readers go on to their ends. Chance takes no such step.
    Drain,
}

/// A step, and the event that it delivers.
type Told = (Step, Option<(usize, Move)>);

/// What went wrong, and how.
pub(crate) struct Violation {
    what: String,
    steps: Vec<Told>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, after {} steps:", self.what, self.steps.len())?;
        self.steps.iter().try_for_each(|(step, event)| match event {
            Some((row, moved)) => writeln!(f, "  {step:?}: {moved:?} of row {row}"),
            None => writeln!(f, "  {step:?}"),
        })
    }
}

struct World {
    database: RefCell<Database>,
    loads: Cell<usize>,
    chance: RefCell<fastrand::Rng>,
}

struct Reader {
    call: Pin<Box<dyn Future<Output = Option<Value>>>>,
    function: Function,
    rows: Vec<usize>,
    promised: Vec<usize>,
    began: Duration,
}

/// A schedule under way.
struct Schedule<'a> {
    plan: &'a Plan,
    subject: &'a Subject,
    world: Rc<World>,
    readers: Vec<Reader>,
    events: Vec<Event>,
    steps: Vec<Told>,
    reads: usize,
}

/// Runs one schedule of chance; returns how many reads it checked.
pub(crate) fn run(plan: &Plan, subject: &Subject, seed: u64, length: usize) -> Result<usize, Violation> {
    let mut schedule = Schedule::new(plan, subject, seed);
    let mut chance = fastrand::Rng::with_seed(seed);
    let ran = (0..length).try_for_each(|_| schedule.step(&mut chance));
    schedule.end(ran)
}

/// Runs a schedule that was written down; returns how many reads it checked.
pub(crate) fn follow(plan: &Plan, subject: &Subject, steps: &[Step]) -> Result<usize, Violation> {
    let mut schedule = Schedule::new(plan, subject, 0);
    let ran = steps.iter().try_for_each(|step| schedule.take(*step));
    schedule.end(ran)
}

/// A place where the scheduler may let others go first.
async fn step() {
    let mut went = false;
    poll_fn(|_| if std::mem::replace(&mut went, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl World {
    /// A load: takes its statement's time, and reads a replica unless it is asked not to.
    async fn load(&self, function: Function, rows: &[usize]) -> Option<Value> {
        self.loads.set(self.loads.get() + 1);
        step().await;
        let age = match load_hint().primary_required {
            true => Duration::ZERO,
            false => self.plan_age(),
        };
        let row = self.database.borrow().select(rows, age);
        step().await;
        // Without a version there is nothing to compare: the engine must not look at it.
        row.map(|value| Value { version: if function == Function::Opaque { 0 } else { value.version }, ..value })
    }

    fn plan_age(&self) -> Duration {
        let lag = self.database.borrow().lag;
        lag.mul_f64(self.chance.borrow_mut().f64())
    }

    async fn ask(&self, row: usize) -> u64 {
        step().await;
        let version = self.database.borrow().rows[row].current().version;
        step().await;
        version
    }
}

impl<'a> Schedule<'a> {
    fn new(plan: &'a Plan, subject: &'a Subject, seed: u64) -> Self {
        let world = Rc::new(World {
            database: RefCell::new(Database::new(ROWS, plan.lag)),
            loads: Cell::new(0),
            chance: RefCell::new(fastrand::Rng::with_seed(seed ^ 0x5eed)),
        });
        Self { plan, subject, world, readers: Vec::new(), events: Vec::new(), steps: Vec::new(), reads: 0 }
    }

    fn end(mut self, ran: Result<(), String>) -> Result<usize, Violation> {
        match ran.and_then(|()| self.finish()) {
            Ok(()) => Ok(self.reads),
            Err(what) => Err(Violation { what, steps: self.steps }),
        }
    }

    fn step(&mut self, chance: &mut fastrand::Rng) -> Result<(), String> {
        let row = chance.usize(0..ROWS).min(chance.usize(0..ROWS));
        let step = match chance.u8(0..100) {
            0..25 if self.readers.len() < MAX_READERS => {
                Step::Begin(self.plan.functions[chance.usize(..self.plan.functions.len())], row)
            }
            0..60 if !self.readers.is_empty() => Step::Go(chance.usize(..self.readers.len())),
            60..62 if !self.readers.is_empty() => Step::Cancel(chance.usize(..self.readers.len())),
            0..75 => Step::Write(row, self.some_write(chance)),
            75..90 if self.plan.delivers && !self.events.is_empty() => Step::Deliver(chance.usize(..self.events.len())),
            75..96 => Step::Pass(*chance.choice(&[TTL / 40, TTL / 40, TTL / 10, TTL / 2]).expect("there are some")),
            _ => Step::Lose(row),
        };
        self.take(step)
    }

    /// The event that a step delivers.
    fn told(&self, step: Step) -> Option<(usize, Move)> {
        let Step::Deliver(index) = step else { return None };
        Some((self.events[index].row, self.events[index].moved))
    }

    fn some_write(&self, chance: &mut fastrand::Rng) -> Write {
        match chance.u8(0..10) {
            0..2 if self.plan.deletes => Write::Delete,
            2..4 if self.plan.restores => Write::Restore(chance.usize(0..2)),
            4..7 if self.plan.rollbacks => Write::RollBack(chance.usize(0..2)),
            _ => Write::Update,
        }
    }

    fn take(&mut self, step: Step) -> Result<(), String> {
        self.steps.push((step, self.told(step)));
        match step {
            Step::Begin(function, row) => self.begin(function, row),
            Step::Go(index) => return self.go(index).map(drop),
            Step::Drain => return self.drain(),
            Step::Cancel(index) => drop(self.readers.swap_remove(index)),
            Step::Write(row, write) => self.write(row, write),
            Step::Deliver(index) => self.deliver(index),
            Step::Pass(span) => {
                self.subject.clock.advance(span);
                self.world.database.borrow_mut().now += span;
            }
            Step::Lose(row) => (self.subject.lose)(&[Aggregate::new(&self.plan.sites.aggregate(row))]),
        }
        Ok(())
    }

    fn begin(&mut self, function: Function, row: usize) {
        let rows = if function == Function::Pair { vec![row, ROWS - 1 - row] } else { vec![row] };
        let (world, cache, sites) = (Rc::clone(&self.world), self.subject.cache.clone(), self.plan.sites);
        let asked = rows.clone();
        let call = Box::pin(async move {
            let load = || world.load(function, &asked);
            sites.read(&cache, function, &asked, async || world.ask(asked[0]).await, load).await
        });
        let database = self.world.database.borrow();
        let promised = rows.iter().map(|row| database.rows[*row].promised()).collect();
        self.readers.push(Reader { call, function, rows, promised, began: database.now });
    }

    /// Lets a reader go on to its next step; says whether that was its last.
    fn go(&mut self, index: usize) -> Result<bool, String> {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(read) = self.readers[index].call.as_mut().poll(&mut context) else { return Ok(false) };
        let reader = self.readers.swap_remove(index);
        self.reads += 1;
        self.check(&reader, read.as_ref()).map(|()| true)
    }

    /// G2, G6 and G7 in one: what is read was current after the newest acknowledged commit. And G1.
    fn check(&self, reader: &Reader, read: Option<&Value>) -> Result<(), String> {
        let database = self.world.database.borrow();
        let since = reader.began.saturating_sub(TTL + self.plan.lag);
        for (place, row) in reader.rows.iter().enumerate() {
            let content = read.and_then(|value| value.contents[place]);
            let state = &database.rows[*row];
            let promised = reader.promised[place];
            if !state.was_current(content, promised, Duration::ZERO) && !state.is_confused(content, promised) {
                return Err(format!(
                    "{:?} read content {content:?} of row {row}, older than position {}, which was acknowledged before it began\n  {state}",
                    reader.function, reader.promised[place]
                ));
            }
            if !state.was_current(content, 0, since) {
                return Err(format!("{:?} read content {content:?} of row {row}, past every TTL", reader.function));
            }
        }
        Ok(())
    }

    fn write(&mut self, row: usize, write: Write) {
        let mut database = self.world.database.borrow_mut();
        if let Some(moved) = database.write(row, write) {
            let position = database.rows[row].history.len() - 1;
            self.events.push(Event { row, moved, position, copies: 1 + self.plan.duplicates });
        }
    }

    fn deliver(&mut self, index: usize) {
        let event = &mut self.events[index];
        let moved = RowMoved { row: self.plan.sites.aggregate(event.row), moved: event.moved };
        let mut publish = Box::pin(self.subject.cache.publish_or_retry(moved));
        let published = publish.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(published.is_ready(), "these stores answer at once");
        self.world.database.borrow_mut().rows[event.row].history[event.position].acknowledged = true;
        event.copies -= 1;
        if event.copies == 0 {
            self.events.swap_remove(index);
        }
    }

    /// Delivers what is under way and lets every reader end. Then the cache must be right, and a cache.
    fn finish(&mut self) -> Result<(), String> {
        while !self.events.is_empty() {
            self.deliver(0);
        }
        self.drain()?;
        for function in self.plan.functions {
            for row in 0..ROWS {
                // The first read may reset a floor that the late events have left too high.
                for _ in 0..2 {
                    self.begin(*function, row);
                    self.drain()?;
                }
                let before = self.world.loads.get();
                self.begin(*function, row);
                self.drain()?;
                if self.subject.is_roomy && self.world.loads.get() > before {
                    return Err(format!(
                        "{function:?} of row {row} is never found again (G5)\n  {}",
                        self.world.database.borrow().rows[row]
                    ));
                }
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), String> {
        for _ in 0..ENOUGH_POLLS {
            let mut index = 0;
            while index < self.readers.len() {
                if !self.go(index)? {
                    index += 1;
                }
            }
            if self.readers.is_empty() {
                return Ok(());
            }
        }
        Err("a reader hangs".to_owned())
    }
}
