//! Cached functions as the macros write them, by hand, for tests that steer their loads.
//!
//! Rows live in two databases. In `m:<id>` versions only rise; in `r:<id>` a rollback lets them be used again, and the
//! binary knows an event that says so. A test may have more functions on a third, `s:<id>`.

use std::future::Future;
use std::time::Duration;

use cachemacro_runtime::__private as p;
use cachemacro_runtime::Cache;
use serde::{Deserialize, Serialize};

/// What is read: the version of the first row, and which content each row had. Contents are numbered in order of writing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Value {
    pub(crate) version: u64,
    pub(crate) contents: Vec<Option<u64>>,
}

/// Any move of any row.
#[derive(Clone, Debug)]
pub(crate) struct RowMoved {
    pub(crate) row: String,
    pub(crate) moved: p::Move,
}

struct RowKey<'a>(&'a str);

impl p::AggregateKey for RowKey<'_> {
    const TEMPLATES: &'static [&'static str] = &["m:<id>", "r:<id>", "s:<id>"];

    fn render(&self, out: &mut p::Aggregates) {
        out.begin().literal(self.0);
        out.end();
    }
}

impl p::CacheEvent for RowMoved {
    const INFO: p::EventInfo = p::EventInfo {
        name: "row.moved",
        rust_type: "RowMoved",
        keys: <RowKey<'_> as p::AggregateKey>::TEMPLATES,
        kind: p::EventKind::Versioned,
    };

    fn moves(&self, out: &mut p::Moves) {
        out.add(&RowKey(&self.row), self.moved);
    }

    fn share(&self) -> p::SharedEvent {
        p::Shareable::to_shared(self)
    }
}

static ROLLED_BACK: p::EventInfo = p::EventInfo {
    name: "row.rolled-back",
    rust_type: "RowRolledBack",
    keys: &["r:<id>"],
    kind: p::EventKind::RollsBack,
};

p::inventory::submit! { p::RegisteredEvent(&ROLLED_BACK) }

/// The hard TTL of all functions here.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// What each row of a value weighs, in a cache that is bounded by bytes.
pub(crate) const WEIGHT: usize = 1 << 18;

/// All callers call one instance of a function, although their loads are closures of different types.
fn one_instance() {}

type Events = &'static [p::EventUse];

const fn site([name, shared_name]: [&'static str; 2], mode: p::Mode, events: Events, soft: Duration) -> p::Callsite {
    p::Callsite::new(p::CallsiteInfo {
        name,
        shared_name: Some(shared_name),
        returns: "Option<Value>",
        mode,
        events,
        policy: p::Policy {
            soft: Some(soft),
            hard: TTL,
            negative: Some(TTL),
            jitter: 0.1,
            // Fewer than the threads of a test.
            max_concurrent_loads: 2,
            ..p::Policy::BASE
        },
        ..p::CallsiteInfo::BASE
    })
}

pub(crate) const MONOTONE: &[p::EventUse] =
    &[p::EventUse { event: &RowMoved::INFO, aggregates: &["m:<id>"], binding: "id", carries: &[] }];
const REUSED: &[p::EventUse] =
    &[p::EventUse { event: &RowMoved::INFO, aggregates: &["r:<id>"], binding: "id", carries: &[] }];

use p::CacheEvent as _;

/// The functions on one database.
pub(crate) struct Sites {
    pub(crate) prefix: &'static str,
    row: p::Callsite,
    pair: p::Callsite,
    opaque: p::Callsite,
    source: p::Callsite,
}

/// `names` are what they are called in a shared store: two functions of one name would not be stored there.
pub(crate) const fn sites(prefix: &'static str, names: [&'static str; 4], events: Events, soft: Duration) -> Sites {
    Sites {
        prefix,
        row: site(["row", names[0]], p::Mode::Row, events, soft),
        pair: site(["pair", names[1]], p::Mode::Row, events, soft),
        opaque: site(["opaque", names[2]], p::Mode::Opaque, events, soft),
        source: site(["source", names[3]], p::Mode::Source, events, soft),
    }
}

pub(crate) static MONOTONE_SITES: Sites = sites("m", ["m-row", "m-pair", "m-opaque", "m-source"], MONOTONE, TTL);
pub(crate) static REUSED_SITES: Sites = sites("r", ["r-row", "r-pair", "r-opaque", "r-source"], REUSED, TTL);

/// Which function is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Function {
    /// The value carries its row's version.
    Row,
    /// As `Row`, over two rows; the version is the first one's.
    Pair,
    /// The value carries no version.
    Opaque,
    /// The version is asked for before each read.
    Source,
}

impl Sites {
    pub(crate) fn site(&'static self, function: Function) -> &'static p::Callsite {
        match function {
            Function::Row => &self.row,
            Function::Pair => &self.pair,
            Function::Opaque => &self.opaque,
            Function::Source => &self.source,
        }
    }

    pub(crate) fn aggregate(&self, row: usize) -> String {
        format!("{}:{row}", self.prefix)
    }

    /// One call of a function on these rows. `ask` answers the first row's version from the primary, `load` is the body.
    pub(crate) async fn read<L: Future<Output = Option<Value>>>(
        &'static self,
        cache: &Cache,
        function: Function,
        rows: &[usize],
        ask: impl AsyncFn() -> u64,
        load: impl Fn() -> L,
    ) -> Option<Value> {
        let site = self.site(function);
        let shape = p::shape!(Option<Value>);
        let values = p::SharedValue::shared(p::value_of(shape));
        let key = &mut self.key(rows);
        let bind = |out: &mut p::Aggregates| rows.iter().for_each(|row| p::bind(out, &RowKey(&self.aggregate(*row))));
        let found = if function == Function::Source {
            let source = p::source(false, site.instance(one_instance), cache, key, shape, values);
            asked(source, bind, ask).await
        } else {
            match p::try_hit(site.instance(one_instance), cache, key, p::Look::default(), shape, values) {
                p::TryHit::Value(value) => Ok(Some(value)),
                p::TryHit::Absent(_) => Ok(None),
                p::TryHit::Miss(mut miss) => {
                    let mut aggregates = miss.aggregates();
                    bind(&mut aggregates);
                    miss.depend_on(aggregates);
                    Err(miss)
                }
            }
        };
        let miss = match found {
            Ok(value) => return value,
            Err(miss) => miss,
        };
        let has_version = matches!(function, Function::Row | Function::Pair);
        let fail = p::error_adapter!(Option<Value>);
        let mut reading = p::read_inline(miss, shape, values, fail);
        loop {
            match reading.step().await {
                p::ReadStep::Answer(answer) => return answer.returned(p::absent(shape)),
                p::ReadStep::Load => reading.supply_loader(|| async {
                    let mut load_outcome = p::classify(shape, load().await);
                    if has_version {
                        p::RowVersion::row(&mut load_outcome, |value| value.version);
                    }
                    load_outcome.weigh(|value| value.contents.len() * WEIGHT);
                    load_outcome
                }),
            }
        }
    }

    fn key(&self, rows: &[usize]) -> p::KeyWriter {
        let mut key = p::KeyWriter::new();
        for row in rows {
            key.literal(self.prefix);
            p::KeyPart::render(row, &mut key);
        }
        key
    }
}

/// The loop of source mode, as the macros write it.
async fn asked(
    mut source: p::Source<'_, Value>,
    bind: impl Fn(&mut p::Aggregates),
    ask: impl AsyncFn() -> u64,
) -> Result<Option<Value>, p::Miss> {
    let name = |source: &mut p::Source<'_, Value>| {
        if source.wants_names() {
            let mut aggregates = source.aggregates();
            bind(&mut aggregates);
            source.depend_on(aggregates);
        }
    };
    loop {
        name(&mut source);
        let mut step = source.begin().await;
        if matches!(step, p::SourceRead::Again) {
            let version = ask().await;
            step = source.compare(version);
            if matches!(step, p::SourceRead::Again) {
                name(&mut source);
                step = source.ask(version).await;
            }
        }
        match step {
            p::SourceRead::Again => {}
            p::SourceRead::Value(value) => return Ok(Some(value)),
            p::SourceRead::Absent(_) => return Ok(None),
            p::SourceRead::Miss(miss) => return Err(miss),
        }
    }
}
