//! The pages, in Chromium without a window.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cachemacro_servers::Chromium;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::record::{Answer, Record};
use crate::show::{Page, save};

/// Runs a test beside a service.
async fn with_pages(test: impl FnOnce(SocketAddr) + Send + 'static) {
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
        let why = page.tab().evaluate("document.querySelector('#answers tbody tr').title");
        assert_eq!(why, "cachemacro; hit; detail=\"304 before the handler: each entry would be served again\"");

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

/// An answer of `curl -i`, without its body: a line for the status and one for each header.
#[derive(PartialEq, Debug)]
struct Head(Vec<String>);

impl Head {
    /// What differs from run to run is left out.
    fn new<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let masked = |line: &str| match line.split_once(": ") {
            Some(("date" | "connection", _)) => None,
            Some(("content-length", _)) => Some("content-length".to_owned()),
            Some(("cache-status", told)) => {
                let (call, rest) = told.split_once("ttl=").unwrap_or((told, ""));
                Some(format!("cache-status: {call}{}", rest.trim_start_matches(|digit: char| digit.is_ascii_digit())))
            }
            Some(("etag", _)) => Some("etag".to_owned()),
            _ => Some(line.to_owned()),
        };
        Self(sorted(lines.filter_map(masked).collect()))
    }

    /// What the service answers to a command line of curl.
    async fn of(command: &str, address: SocketAddr) -> (Self, Option<String>) {
        let mut service = TcpStream::connect(address).await.expect("it listens");
        service.write_all(request(command).as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        service.read_to_end(&mut answer).await.expect("it answers");
        let answer = String::from_utf8_lossy(&answer).replace('\r', "");
        let head = answer.split("\n\n").next().unwrap_or_default();
        (Self::new(head.lines()), tag_of(head))
    }
}

/// What curl sends.
fn request(command: &str) -> String {
    // Every other part is in quotes.
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(at, part)| if at % 2 == 1 { vec![part] } else { part.split_whitespace().collect() });
    let (mut method, mut header, mut body, mut url) = ("GET", String::new(), "", "");
    let mut words = words.skip_while(|word| *word == "curl");
    while let Some(word) = words.next() {
        match word {
            "-i" => {}
            "-I" => method = "HEAD",
            "-H" => header = format!("{}\r\n", words.next().expect("a header")),
            "-d" => {
                (method, body) = ("POST", words.next().expect("a body"));
                header = "content-type: application/x-www-form-urlencoded\r\n".to_owned();
            }
            _ => url = word,
        }
    }
    let path = url.strip_prefix("http://127.0.0.1:8080").expect("the service");
    let len = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: {len}\r\n{header}\r\n{body}"
    )
}

fn tag_of(head: &str) -> Option<String> {
    head.lines().find_map(|line| line.strip_prefix("etag: ")).map(str::to_owned)
}

/// The transcripts of `cachemacro/src/guide/http.md`.
#[tokio::test]
async fn curl_shows_what_the_guide_says() {
    let guide = std::fs::read_to_string("../cachemacro/src/guide/http.md").expect("the guide");
    let address = crate::serve(0, Record::new()).await.expect("a port");
    let mut tags: Vec<(String, String)> = Vec::new();
    let transcripts: Vec<&str> = guide.split("```text\n$ ").skip(1).collect();
    assert!(transcripts.len() >= 15);
    for transcript in transcripts {
        let (transcript, _) = transcript.split_once("\n```").expect("the end of a block");
        let (command, told) = transcript.split_once('\n').expect("an answer");
        // Tags of loads are others in each process.
        let command = tags.iter().fold(command.to_owned(), |command, (told, now)| command.replace(told, now));
        let (head, tag) = Head::of(&command, address).await;
        assert_eq!(head, Head::new(told.lines()), "{command}");
        tags.extend(tag_of(told).zip(tag));
    }
}

/// The statuses of the answers of the service to one request.
fn statuses<'a>(rows: &'a [Vec<String>], request: &str) -> Vec<&'a str> {
    rows.iter().filter(|row| row[0] == SERVICE && row[1] == request).map(|row| &*row[2]).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list
}
