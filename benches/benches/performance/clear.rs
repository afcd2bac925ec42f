//! How long `Cache::clear` takes its caller, and what comes after it.

use std::hint::black_box;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use cachemacro::{Cache, Memory, cached};
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::sample::Sample;
use cachemacro_benches::table::{Table, time};
use cachemacro_benches::user::{User, UserUpdated, user};

const ENTRIES: u64 = 1_000_000;

static VALUE: LazyLock<Arc<User>> = LazyLock::new(|| Arc::new(user(0)));

#[derive(Clone)]
struct Ours {
    cache: Cache,
}

impl Ours {
    #[cached(
        key = "user:<id>",
        version_from = |user| user.version,
        invalidated_by(UserUpdated { id }),
        soft_ttl = "10m",
        hard_ttl = "1h",
        cache = self.cache
    )]
    async fn find(&self, id: u64) -> Arc<User> {
        Arc::clone(&VALUE)
    }

    fn filled() -> Self {
        let ours =
            Self { cache: Cache::builder().namespace("clear").memory(Memory::entries(ENTRIES + ENTRIES / 5)).build() };
        (0..ENTRIES).for_each(|id| drop(block_on(ours.find(id))));
        ours
    }
}

pub(crate) fn run(effort: &Effort) -> Findings {
    let (mut clear, mut function, mut first, mut freed) =
        (Sample::default(), Sample::default(), Sample::default(), Sample::default());
    let timed = |sample: &mut Sample, run: &dyn Fn()| {
        let began = Instant::now();
        run();
        sample.push(began.elapsed().as_nanos() as f64);
    };
    for _ in 0..effort.amount(5, 1) {
        let ours = Ours::filled();
        timed(&mut clear, &|| ours.cache.clear());
        timed(&mut first, &|| drop(black_box(block_on(ours.find(7)))));
        timed(&mut freed, &|| ours.cache.sweep());
        let ours = Ours::filled();
        let find = "clear::Ours::find";
        timed(&mut function, &|| ours.cache.clear_function(find).expect("it is linked"));
    }
    let mut table = Table::new(&["", "median"]);
    for (what, sample) in [
        ("`clear()`", &clear),
        ("the first call after it, a miss", &first),
        ("then `sweep()`, which frees a million entries", &freed),
        ("`clear_function(…)`", &function),
    ] {
        table.row(&[what.to_owned(), time(sample.median())]);
    }
    let mut findings = Findings::new(format!(
        "## Clearing a million entries\n\nWhat the caller waits for. Nothing has to call `sweep()`: where there is a tokio runtime, a thread \
         frees the entries.\n\n{}",
        table.markdown()
    ));
    findings.sample("clear.caller", &clear, "");
    findings
}
