//! What caching does to the service's users.

use std::sync::Arc;
use std::time::Duration;

use super::stage::Stage;
use crate::Failure;
use crate::drive::{CLIENTS, Measured, Route, Traffic};
use crate::report::{heading, percent, short, thousands};

pub async fn show(stage: &Stage, half: Duration) -> Result<(), Failure> {
    let build = if cfg!(debug_assertions) {
        "a debug build; --release is faster"
    } else {
        "a release build"
    };
    heading(
        "Traffic",
        &format!(
            "{CLIENTS} HTTP clients ask without pause, for cities by Zipf's law; 1 request in 100 is a write.
             Users, service and database share the {} cores of this machine. This is {build}.",
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        ),
    );
    let traffic = Arc::new(Traffic::new(stage.client.clone(), &stage.db).await?);
    let (uncached, uncached_loads) = run(stage, &traffic, "uncached", "?cache=bypass", half).await?;
    let (cached, cached_loads) = run(stage, &traffic, "cached", "", half).await?;
    print_table(&uncached, &cached);
    print_sums((&uncached, uncached_loads), (&cached, cached_loads), half);
    Ok(())
}

/// One half, and how many loads it cost the database.
async fn run(
    stage: &Stage,
    traffic: &Arc<Traffic>,
    name: &str,
    query: &'static str,
    half: Duration,
) -> Result<(Measured, u64), Failure> {
    let before = stage.atlas.loads();
    let measured = traffic.run(name, query, half).await?;
    Ok((measured, stage.atlas.loads() - before))
}

fn print_table(uncached: &Measured, cached: &Measured) {
    println!("\n  {:<26} {:>21} {:>21} {:>10}", "", "uncached", "cached", "");
    println!(
        "  {:<26} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "", "p50", "p99", "p50", "p99", "hits"
    );
    for route in Route::ALL {
        let (uncached, cached) = (uncached.route(route), cached.route(route));
        let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), short);
        println!(
            "  {:<26} {:>10} {:>10} {:>10} {:>10} {:>10}",
            route.name(),
            time(uncached.quantile(0.5)),
            time(uncached.quantile(0.99)),
            time(cached.quantile(0.5)),
            time(cached.quantile(0.99)),
            if route == Route::Write {
                String::new()
            } else {
                percent(cached.hits, cached.requests())
            },
        );
    }
}

fn print_sums(uncached: (&Measured, u64), cached: (&Measured, u64), half: Duration) {
    let per_second = |measured: &Measured| thousands((measured.requests() as f64 / half.as_secs_f64()) as u64);
    let (reads, hits) = cached.0.reads();
    let loads = |(measured, loads): (&Measured, u64)| percent(loads, measured.reads().0);
    println!(
        "  {:<26} {:>21} {:>21} {:>10}",
        "requests a second",
        per_second(uncached.0),
        per_second(cached.0),
        percent(hits, reads)
    );
    println!(
        "  {:<26} {:>21} {:>21}",
        "database loads",
        thousands(uncached.1),
        thousands(cached.1)
    );
    println!(
        "  {:<26} {:>21} {:>21}",
        "database loads per read",
        loads(uncached),
        loads(cached)
    );
    println!(
        "\n  {} city rows in cached answers were held against {} acknowledged writes: {} were older.",
        thousands(cached.0.checked),
        thousands(uncached.0.route(Route::Write).requests() + cached.0.route(Route::Write).requests()),
        thousands(cached.0.violations)
    );
}
