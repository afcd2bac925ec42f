//! What the show says, checked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cachemacro_servers::Chromium;

use crate::edge::Edge;
use crate::reader::Reader;
use crate::shop::price;
use crate::{panel, show};

async fn edge() -> Edge {
    Edge::start().await.expect("a shop behind Varnish")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_reads_are_one_fetch() {
    let edge = edge().await;
    let reader = edge.reader();
    let origin = Reader::new(edge.origin).get("/teas/1").await.expect("it answers");
    assert_eq!(origin.header("cache-control"), "no-cache");
    assert_eq!(origin.header("xkey").split(' ').count(), 3, "the aggregate, its kind, the namespace");
    for _ in 0..50 {
        let page = reader.get("/teas/1").await.expect("it answers");
        assert_eq!((page.status, page.text()), (200, "Sencha 9.50".to_owned()));
        assert_eq!((page.header("xkey"), page.header("surrogate-control")), ("", ""), "they are between the two");
    }
    assert_eq!(edge.answered.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_shows_within_the_bound_and_touches_no_other_page() {
    let edge = edge().await;
    let reader = edge.reader();
    for path in ["/teas", "/teas/1", "/teas/2"] {
        reader.get(path).await.expect("it answers");
    }
    let (bound, most) = Edge::bounds();
    assert_eq!((bound, most), (Duration::from_secs(6), Duration::from_secs(603)));
    edge.shop.raise(1).await.expect("a tea");
    let watched = show::until_new(&reader, 1, "9.60", Instant::now(), bound).await.expect("it answers");
    assert!(watched.first_new.is_some(), "{watched:?}");
    edge.all_purged().await;
    let list = reader.get("/teas").await.expect("it answers");
    assert_eq!(list.text(), "Sencha 9.60 Assam 7.20 Oolong 12.40");
    let other = reader.get("/teas/2").await.expect("it answers");
    assert_eq!(other.header("x-cache"), "hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_purge_loses_the_race_and_the_repeated_one_does_not() {
    let edge = edge().await;
    let bound = Edge::bounds().0;
    edge.purges.forget_repeated(true);
    let once = show::race(&edge, 2, bound).await.expect("a race");
    assert_eq!((once.stale, once.first_new), (once.reads, None), "{once:?}");
    edge.purges.forget_repeated(false);
    let twice = show::race(&edge, 3, bound).await.expect("a race");
    assert!(twice.stale > 0, "no race: {twice:?}");
    assert!(twice.last_stale < bound && twice.first_new.is_some(), "{twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn purges_that_do_not_come_through_wait() {
    let edge = edge().await;
    let reader = edge.reader();
    reader.get("/teas/1").await.expect("it answers");
    edge.lets_purges_through(false);
    let tea = edge.shop.raise(1).await.expect("the writer does not fail");
    while edge.purger.stats()[0].failed == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(reader.get("/teas/1").await.expect("it answers").text(), "Sencha 9.50");
    assert!(edge.purger.stats()[0].trouble.is_some());
    edge.lets_purges_through(true);
    let most = Duration::from_secs(60);
    let healed = show::until_new(&reader, 1, &price(tea.cents), Instant::now(), most).await.expect("it answers");
    assert!(healed.first_new.is_some(), "{healed:?}");
    assert_eq!(edge.purger.stats()[0].trouble, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_origin_is_down_readers_get_what_is_kept() {
    let edge = edge().await;
    let reader = edge.reader();
    reader.get("/teas/1").await.expect("it answers");
    edge.lets_fetches_through(false);
    let kept = reader.get("/teas/1").await.expect("it answers");
    assert_eq!((kept.status, kept.text()), (200, "Sencha 9.50".to_owned()));
    assert_eq!(reader.get("/teas/2").await.expect("it answers").status, 503);
    edge.lets_fetches_through(true);
    assert_eq!(reader.get("/teas/2").await.expect("it answers").status, 200, "the error was not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_varnish_that_starts_anew_has_nothing_old() {
    let mut edge = edge().await;
    edge.reader().get("/teas/1").await.expect("it answers");
    edge.lets_purges_through(false);
    let tea = edge.shop.raise(1).await.expect("a tea");
    edge.restart_varnish();
    let page = edge.reader().get("/teas/1").await.expect("it answers");
    assert_eq!((page.text(), page.header("x-cache")), (format!("Sencha {}", price(tea.cents)), "miss"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_both_side_by_side() {
    let address = panel::serve(0, Arc::new(edge().await)).await.expect("a port");
    tokio::task::spawn_blocking(move || {
        let browser = Chromium::start();
        let page = browser.open(&format!("http://{address}/"));
        let shows = |text: &str| {
            let text_of = |id: &str| format!("document.querySelector('#{id} .text').textContent === {text:?}");
            page.wait_for(&format!("{} && {}", text_of("origin"), text_of("edge")));
        };
        shows("Sencha 9.50");
        page.evaluate("document.querySelector('#raise').click()");
        shows("Sencha 9.60");
        page.wait_for(
            "[...document.querySelectorAll('tr.purge')].some(row => /[1-9][0-9]* removed/.test(row.textContent))",
        );
    })
    .await
    .expect("the page shows it");
}

/// The VCL of `docs/edge.md` is one.
#[tokio::test]
async fn varnish_takes_the_vcl_of_the_document() {
    let document = std::fs::read_to_string("../docs/edge.md").expect("the document");
    let (_, vcl) = document.split_once("```vcl\n").expect("a VCL");
    let (vcl, _) = vcl.split_once("```").expect("its end");
    let vcl = format!("{vcl}\n{}", cachemacro::http::edge::Varnish::VCL);
    tokio::task::spawn_blocking(move || drop(cachemacro_servers::Varnish::start(&vcl))).await.expect("it starts");
}
