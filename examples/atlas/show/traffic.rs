//! What caching does to the service's users.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cachemacro::CacheMode;

use super::stage::Stage;
use crate::Failure;
use crate::drive::{CLIENTS, Measured, Route, Traffic};
use crate::model::AtlasError;
use crate::report::{heading, percent, say, short, thousands};

/// The largest city, which the traffic has made warm.
const SHANGHAI: u64 = 1_796_236;

pub async fn show(stage: &Stage, seconds: Duration) -> Result<(), Failure> {
    let build = if cfg!(debug_assertions) { "a debug build (--release is faster)" } else { "a release build" };
    heading(
        "Traffic",
        &format!(
            "{CLIENTS} HTTP clients ask without pause, for cities by Zipf's law; 1 request in 100 is a write.
             Users, service and database share this machine's {} cores, in {build}.",
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        ),
    );
    let traffic = Arc::new(Traffic::new(stage.client.clone(), &stage.db).await?);
    let third = seconds / 3;
    let uncached = Part::run(stage, &traffic, "uncached", "?cache=bypass", third).await?;
    let cold = Part::run(stage, &traffic, "cold cache", "", third).await?;
    let warm = Part::run(stage, &traffic, "warm cache", "", third).await?;
    print_table(&uncached.measured, &cold.measured, &warm.measured);
    print_sums(&uncached, &cold, &warm);
    print_one_call(stage).await?;
    match print_check(&uncached.measured, &cold.measured, &warm.measured) {
        0 => Ok(()),
        _ => Err("a cached answer was older than a write that was acknowledged before the question".into()),
    }
}

/// A third of the traffic.
struct Part {
    measured: Measured,
    /// What it cost the database.
    loads: u64,
    lasted: Duration,
}

impl Part {
    async fn run(
        stage: &Stage,
        traffic: &Arc<Traffic>,
        name: &str,
        query: &'static str,
        lasts: Duration,
    ) -> Result<Self, Failure> {
        let (loads, started) = (stage.atlas.loads(), Instant::now());
        let measured = traffic.run(name, query, lasts).await?;
        Ok(Self { measured, loads: stage.atlas.loads() - loads, lasted: started.elapsed() })
    }

    fn requests_a_second(&self) -> String {
        thousands((self.measured.requests() as f64 / self.lasted.as_secs_f64()) as u64)
    }

    fn loads_a_read(&self) -> String {
        format!("{:.2}", self.loads as f64 / self.measured.reads().0 as f64)
    }
}

async fn print_one_call(stage: &Stage) -> Result<(), Failure> {
    let uncached = one_call(stage, CacheMode::Bypass, 1_000).await?;
    let cached = one_call(stage, CacheMode::Default, 100_000).await?;
    say!("\n  Without HTTP, one call of city(id) takes {} uncached and {} cached.", short(uncached), short(cached));
    Ok(())
}

/// What one call of the annotated function takes, on average over so many.
async fn one_call(stage: &Stage, mode: CacheMode, calls: u32) -> Result<Duration, Failure> {
    let repeat = async {
        for _ in 0..calls {
            stage.atlas.city(SHANGHAI).await?;
        }
        Ok::<(), AtlasError>(())
    };
    let started = Instant::now();
    match mode {
        CacheMode::Default => repeat.await?,
        mode => mode.scope(repeat).await?,
    }
    Ok(started.elapsed() / calls)
}

fn print_table(uncached: &Measured, cold: &Measured, warm: &Measured) {
    say!("\n  {:<26} {:>21} {:>21} {:>19}", "", "uncached", "warm cache", "hits");
    say!("  {:<26} {:>10} {:>10} {:>10} {:>10} {:>9} {:>9}", "", "p50", "p99", "p50", "p99", "cold", "warm");
    for route in Route::ALL {
        let time = |part: &Measured, share| part.route(route).quantile(share).map_or_else(|| "-".to_owned(), short);
        let hits = |part: &Measured| match route {
            Route::Write => String::new(),
            _ => percent(part.route(route).hits, part.route(route).requests()),
        };
        say!(
            "  {:<26} {:>10} {:>10} {:>10} {:>10} {:>9} {:>9}",
            route.name(),
            time(uncached, 0.5),
            time(uncached, 0.99),
            time(warm, 0.5),
            time(warm, 0.99),
            hits(cold),
            hits(warm),
        );
    }
}

fn print_sums(uncached: &Part, cold: &Part, warm: &Part) {
    let hits = |part: &Part| {
        let (reads, hits) = part.measured.reads();
        percent(hits, reads)
    };
    let (requests, loads) = (Part::requests_a_second, Part::loads_a_read);
    let of_cold_and_warm = format!("{:>9} {:>9}", hits(cold), hits(warm));
    say!("  {:<26} {:>21} {:>21} {of_cold_and_warm}", "requests a second", requests(uncached), requests(warm));
    say!("  {:<26} {:>21} {:>21}", "database loads a read", loads(uncached), loads(warm));
}

/// Prints how the cached answers compared with the writes before them, and returns how many were wrong.
fn print_check(uncached: &Measured, cold: &Measured, warm: &Measured) -> u64 {
    let writes: u64 = [uncached, cold, warm].map(|part| part.route(Route::Write).requests()).iter().sum();
    let violations = cold.violations + warm.violations;
    say!(
        "  {} city rows in cached answers were held against {} acknowledged writes: {} were older.",
        thousands(cold.checked + warm.checked),
        thousands(writes),
        thousands(violations)
    );
    violations
}
