//! The pages, in Chromium without a window.

use std::time::{Duration, Instant};

use cachemacro_servers::Chromium;

use crate::client::Client;
use crate::record::{Answer, Record};
use crate::show::{Page, save};

/// Runs a test beside a service.
async fn with_pages(test: impl FnOnce(std::net::SocketAddr) + Send + 'static) {
    let address = crate::serve(0, Record::new()).await.expect("a port");
    tokio::task::spawn_blocking(move || test(address)).await.expect("the test passes");
}

/// Who answered, what, and with which status.
fn short(rows: &[Vec<String>]) -> Vec<(&str, &str, &str)> {
    rows.iter().map(|row| (&*row[0], &*row[1], &*row[2])).collect()
}

const SERVICE: &str = "the service";
const BROWSER: &str = "the browser's cache";

#[tokio::test(flavor = "multi_thread")]
async fn after_an_update_in_another_tab_no_old_value_is_shown_where_the_browser_asks() {
    with_pages(|address| {
        let browser = Chromium::start();
        let mut page = Page::open(&browser, address);
        assert!(page.text("#list").contains("Sencha9.50") && page.text("#detail").contains("9.50"));
        assert_eq!(page.text("#label"), "Sencha 9.50");
        let picture = "GET /pictures/0.0.0/1?v=1";
        let first =
            ["GET /menu", "GET /teas", "GET /teas/1", picture, "GET /labels/1"].map(|path| (SERVICE, path, "200"));
        assert_eq!(sorted(short(&page.new_rows())), sorted(first.to_vec()));

        page.click("#again");
        let rows = page.new_rows();
        let asked: Vec<_> = short(&rows).into_iter().filter(|(_, path, _)| *path != "GET /menu").collect();
        assert_eq!(asked, ["GET /teas", "GET /teas/1", "GET /labels/1"].map(|path| (SERVICE, path, "304")));
        let handlers = ["ran and rendered", "ran, did not render", "did not run"];
        let of = |path| rows.iter().find(|row| row[1] == path).map(|row| &*row[6]);
        assert_eq!(["GET /teas", "GET /teas/1", "GET /labels/1"].map(of), handlers.map(Some));

        let edit = browser.open(&format!("http://{address}/edit"));
        save(&edit, "Sencha", 1090);
        let reads = page.reads();
        page.tab().show();
        page.wait_for_read(reads + 1);
        for _ in 0..3 {
            assert!(page.text("#list").contains("Sencha10.90") && page.text("#detail").contains("10.90"));
            assert_eq!(page.text("#label"), "Sencha 10.90");
            page.click("#again");
        }
        let rows = page.new_rows();
        assert_eq!(statuses(&rows, "GET /teas"), ["200", "304", "304", "304"]);
        assert_eq!(statuses(&rows, "GET /teas/1"), ["200", "304", "304", "304"]);
        assert_eq!(statuses(&rows, "GET /labels/1"), ["200", "304", "304", "304"]);
        assert_eq!(statuses(&rows, "GET /pictures/0.0.0/1?v=2"), ["200"]);
        assert_eq!(statuses(&rows, picture), [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_keeps_the_menu_for_three_seconds_and_the_picture_for_good() {
    with_pages(|address| {
        let browser = Chromium::start();
        let mut page = Page::open(&browser, address);
        let edit = browser.open(&format!("http://{address}/edit"));
        save(&edit, "Gyokuro", 1090);
        let saved = Instant::now();
        let mut old = Duration::ZERO;
        while page.text("#menu").contains("Sencha") {
            old = saved.elapsed();
            page.click("#again");
        }
        // What a read that begins now shows was kept before the update; a little more than it takes to click.
        assert!(old < Duration::from_secs(4), "the old name was on the menu for {old:?}");
        let rows = page.new_rows();
        assert!(statuses(&rows, "GET /menu").len() >= 2);

        // The same documents in another tab: the picture comes from the cache of the browser.
        let mut other = Page::open(&browser, address);
        let rows = other.new_rows();
        let picture: Vec<_> = rows.iter().filter(|row| row[1].contains("/pictures/")).collect();
        assert_eq!(picture.iter().map(|row| &*row[0]).collect::<Vec<_>>(), [BROWSER], "{rows:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_back_button_brings_back_reads_again() {
    with_pages(|address| {
        let browser = Chromium::start();
        let page = Page::open(&browser, address);
        page.tab().evaluate("void (location.href = '/edit')");
        page.tab().wait_for("document.querySelector('form') !== null");
        save(page.tab(), "Sencha", 1190);
        page.tab().evaluate("history.go(-2)");
        page.tab().wait_for("document.querySelector('#label')?.textContent === 'Sencha 11.90'");
        assert_eq!(page.tab().evaluate("document.body.dataset.persisted"), "true", "the page itself was kept");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_remembers_tags_is_answered_304_until_something_changes() {
    let record = Record::new();
    let mut answers = record.subscribe();
    let address = crate::serve(0, record).await.expect("a port");
    let mut client = Client::new(address);
    let paths = ["/menu", "/teas", "/teas/1", "/labels/1"];
    let mut last = Vec::new();
    for change in [None, None, Some("name=Sencha&cents=990")] {
        if let Some(form) = change {
            client.post("/teas/1", form).await.expect("it answers");
        }
        for path in paths {
            client.get(path).await.expect("it answers");
        }
        last.push(std::iter::from_fn(|| answers.try_recv().ok()).collect::<Vec<Answer>>());
    }
    let work = |answers: &[Answer]| answers.iter().map(|answer| (answer.status, answer.work)).collect::<Vec<_>>();
    let (rendered, ran, not) = ("ran and rendered", "ran, did not render", "did not run");
    assert_eq!(work(&last[0]), [(200, rendered); 4]);
    assert_eq!(work(&last[1]), [(304, rendered), (304, rendered), (304, ran), (304, not)]);
    assert!(last[1].iter().all(|answer| answer.bytes == Some(0)));
    // The menu has no prices.
    assert_eq!(work(&last[2]), [(303, ran), (304, rendered), (200, rendered), (200, rendered), (200, rendered)]);
    assert_eq!(client.get("/labels/1").await.expect("it answers"), "Sencha 9.90");
}

/// The statuses of the answers of the service to one request.
fn statuses<'a>(rows: &'a [Vec<String>], request: &str) -> Vec<&'a str> {
    rows.iter().filter(|row| row[0] == SERVICE && row[1] == request).map(|row| &*row[2]).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list
}
