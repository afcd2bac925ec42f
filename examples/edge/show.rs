//! The show: what readers see before, after and while an event comes.

use std::time::{Duration, Instant};

use cachemacro::strategy;
use tokio::time::sleep;

use crate::Failure;
use crate::edge::{Edge, FETCH_TIMEOUT};
use crate::purges::Purge;
use crate::reader::{Page, Reader};
use crate::routes::{DETAIL, LIST};
use crate::shop::price;

/// Between two reads.
const EVERY: Duration = Duration::from_millis(100);
/// How long an answer of the origin is on its way in the race, in which the event has to come.
const SLOW: Duration = Duration::from_millis(1_200);

/// What readers saw after an event.
#[derive(Debug)]
pub struct Watched {
    pub reads: usize,
    /// Of the value from before the event.
    pub stale: usize,
    /// When the last stale read began, counted from the event.
    pub last_stale: Duration,
    /// When the first read of the new value began. `None`: no read saw it.
    pub first_new: Option<Duration>,
}

pub async fn all(edge: &Edge) -> Result<(), Failure> {
    one_fetch_for_many_reads(edge).await?;
    an_update(edge).await?;
    the_race(edge).await?;
    no_purges(edge).await?;
    rows();
    Ok(())
}

async fn one_fetch_for_many_reads(edge: &Edge) -> Result<(), Failure> {
    title("A page from the edge");
    let page = Reader::new(edge.origin).get("/teas/1").await?;
    print("the origin answers", &page, &["cache-control", "surrogate-control", "xkey", "etag"]);
    let (reader, before) = (edge.reader(), edge.answered.count());
    let seen = ["x-cache", "age", "cache-control", "etag"];
    print("Varnish, for the first reader", &reader.get("/teas/1").await?, &seen);
    sleep(Duration::from_millis(1_100)).await;
    print("Varnish, for the second one", &reader.get("/teas/1").await?, &seen);
    for _ in 2..200 {
        reader.get("/teas/1").await?;
    }
    println!("\n  200 reads of it at the edge; the origin was asked {} time(s).", edge.answered.count() - before);
    Ok(())
}

async fn an_update(edge: &Edge) -> Result<(), Failure> {
    title("An update");
    let mut purges = edge.purges.subscribe();
    let reader = edge.reader();
    println!("  at the edge:  {}   {}", reader.get("/teas/1").await?.text(), reader.get("/teas").await?.text());
    let event = Instant::now();
    let tea = edge.shop.raise(1).await.ok_or("there is a first tea")?;
    println!("  the row has another price: {}", price(tea.cents));
    let watched = watch(&reader, 1, &price(tea.cents), event, EVERY * 5).await?;
    println!("  at the edge:  {}   {}", reader.get("/teas/1").await?.text(), reader.get("/teas").await?.text());
    println!("{}", in_words(&watched, event));
    edge.all_purged().await;
    let (bound, most) = Edge::bounds();
    println!("  The strategy says: {bound:?} after an event, and {most:?} whatever is lost.\n");
    for Purge { tags, result } in std::iter::from_fn(|| purges.try_recv().ok()) {
        let removed = result.map(|count| format!("{count} response(s) removed"));
        println!("  a purge of {} tags: {}", tags.len(), removed.unwrap_or_else(|why| why));
    }
    println!(
        "  The second purge comes {FETCH_TIMEOUT:?} and a little after the first: no fetch that read the old price takes longer."
    );
    Ok(())
}

async fn the_race(edge: &Edge) -> Result<(), Failure> {
    title("The race: an answer of the origin is on its way when the event comes");
    println!("  The first purge finds nothing. Then Varnish stores the answer.");
    for (id, forgets, how) in [(2, true, "with one purge"), (3, false, "with the repeated purge")] {
        edge.purges.forget_repeated(forgets);
        let raced = race(edge, id, Edge::bounds().0).await?;
        edge.all_purged().await;
        edge.purges.forget_repeated(false);
        let Watched { reads, stale, last_stale, first_new } = raced;
        let end = match first_new {
            Some(at) => format!("the new price from {at:.1?} on"),
            None => "no read saw the new price, and none would before `max-age` is over".to_owned(),
        };
        println!(
            "  {how:<24} {stale:>3} of {reads} reads were stale, the last one {last_stale:.1?} after the event; {end}"
        );
    }
    Ok(())
}

/// Lets an event come while the answer that has read the row from before it is on its way to Varnish, and then reads for a while.
pub async fn race(edge: &Edge, id: u64, watches: Duration) -> Result<Watched, Failure> {
    // On a busy machine the event may be too late.
    for _ in 0..5 {
        // Varnish has to fetch.
        edge.purger.moved([&*format!("tea:{id}")]);
        edge.all_purged().await;
        let mut purges = edge.purges.subscribe();
        let answered = edge.answered.count();
        edge.delay_answers(SLOW);
        let reader = edge.reader();
        let fetch = tokio::spawn({
            let reader = reader.clone();
            async move { reader.get(&format!("/teas/{id}")).await }
        });
        while edge.answered.count() == answered {
            sleep(Duration::from_millis(1)).await;
        }
        let event = Instant::now();
        let tea = edge.shop.raise(id).await.ok_or("there is such a tea")?;
        purges.recv().await?;
        let is_raced = !fetch.is_finished();
        let page = fetch.await??;
        edge.delay_answers(Duration::ZERO);
        if is_raced && page.status == 200 {
            return watch(&reader, id, &price(tea.cents), event, watches).await;
        }
        edge.all_purged().await;
    }
    Err("the machine is too busy for a race".into())
}

async fn no_purges(edge: &Edge) -> Result<(), Failure> {
    title("Purges do not come through");
    let reader = edge.reader();
    reader.get("/teas/1").await?;
    edge.lets_purges_through(false);
    let event = Instant::now();
    let tea = edge.shop.raise(1).await.ok_or("there is a first tea")?;
    let new = price(tea.cents);
    let watched = watch(&reader, 1, &new, event, Duration::from_secs(2)).await?;
    println!("{}", in_words(&watched, event));
    println!("  At the origin it is new: {}", Reader::new(edge.origin).get("/teas/1").await?.text());
    for lane in edge.purger.stats() {
        let (failed, waiting, trouble) = (lane.failed, lane.queue.depth, lane.trouble.unwrap_or_default());
        println!("  {}: {failed} call(s) failed, {waiting} tags wait: {trouble}", lane.cdn);
    }
    edge.lets_purges_through(true);
    let healed = Instant::now();
    let watched = until_new(&reader, 1, &new, healed, Duration::from_secs(20)).await?;
    let at = watched.first_new.ok_or("no purge came through")?;
    println!("  They come through again: the edge has the new price after {at:.1?}. Nothing that waited was lost.");
    Ok(())
}

/// Reads a page for so long.
pub async fn watch(reader: &Reader, id: u64, new: &str, event: Instant, lasts: Duration) -> Result<Watched, Failure> {
    read(reader, id, new, event, lasts, false).await
}

/// Reads a page until it is new, for no longer than this.
pub async fn until_new(
    reader: &Reader,
    id: u64,
    new: &str,
    event: Instant,
    most: Duration,
) -> Result<Watched, Failure> {
    read(reader, id, new, event, most, true).await
}

async fn read(
    reader: &Reader,
    id: u64,
    new: &str,
    event: Instant,
    lasts: Duration,
    ends_when_new: bool,
) -> Result<Watched, Failure> {
    let mut watched = Watched { reads: 0, stale: 0, last_stale: Duration::ZERO, first_new: None };
    loop {
        let began = event.elapsed();
        let page = reader.get(&format!("/teas/{id}")).await?;
        // Varnish says so where the origin did not answer in time.
        if page.status == 200 {
            watched.reads += 1;
            if page.body.contains(new) {
                watched.first_new.get_or_insert(began);
            } else {
                watched.stale += 1;
                watched.last_stale = began;
            }
        }
        if event.elapsed() >= lasts || (ends_when_new && watched.first_new.is_some()) {
            return Ok(watched);
        }
        sleep(EVERY).await;
    }
}

fn in_words(watched: &Watched, event: Instant) -> String {
    let Watched { reads, stale, first_new, .. } = watched;
    let new = match first_new {
        Some(at) => format!("The first read with the new price began {at:.1?} after the event"),
        None => format!("No read has had the new price {:.1?} after the event", event.elapsed()),
    };
    format!("  {new}; {stale} of {reads} reads were stale.")
}

/// The rows of the strategy.
fn rows() {
    title("What the strategy says");
    let document = strategy().to_markdown();
    let names = [LIST, DETAIL].map(|name| format!("| `{name}` |"));
    let rows = document.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    println!("  | route | made of | in a process | at the edge | in a browser |");
    rows.for_each(|row| println!("  {row}"));
}

fn title(text: &str) {
    println!("\n{text}\n");
}

fn print(who: &str, page: &Page, names: &[&str]) {
    println!("  {who}: {} in {:.1?}: {}", page.status, page.took, page.text());
    for name in names.iter().filter(|name| !page.header(name).is_empty()) {
        println!("    {name}: {}", page.header(name));
    }
}
