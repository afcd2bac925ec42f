//! The show: two tabs of a browser, or a client in their place, and a table of what they were answered.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cachemacro_servers::{Chromium, Tab};
use tokio::sync::broadcast::Receiver;

use crate::Failure;
use crate::client::Client;
use crate::record::Answer;

/// The rows of the panel, the oldest first.
const ROWS: &str = "[...document.querySelectorAll('#answers tbody tr')].map(row => [...row.cells].map(cell => cell.textContent)).reverse()";
/// How wide the columns are.
const WIDTHS: [usize; 7] = [19, 26, 9, 43, 11, 7, 18];

/// The page of the shop, in a tab.
pub struct Page<'a> {
    tab: Tab<'a>,
    seen: usize,
}

impl<'a> Page<'a> {
    /// Opens it, and waits until it has read everything.
    pub fn open(browser: &'a Chromium, address: SocketAddr) -> Self {
        let page = Self { tab: browser.open(&format!("http://{address}/")), seen: 0 };
        page.wait_for_read(1);
        page
    }

    pub fn tab(&self) -> &Tab<'a> {
        &self.tab
    }

    /// How often the page has read everything.
    pub fn reads(&self) -> u64 {
        let reads = self.tab.evaluate("document.body.dataset.reads ?? '0'");
        reads.as_str().and_then(|reads| reads.parse().ok()).expect("a number")
    }

    pub fn wait_for_read(&self, number: u64) {
        self.tab.wait_for(&format!("Number(document.body.dataset.reads) >= {number}"));
    }

    /// Clicks, and waits until the page has read everything again.
    pub fn click(&self, selector: &str) {
        let reads = self.reads();
        self.tab.evaluate(&format!("document.querySelector({selector:?}).click()"));
        self.wait_for_read(reads + 1);
    }

    /// What a part of the page shows.
    pub fn text(&self, selector: &str) -> String {
        let text = self.tab.evaluate(&format!("document.querySelector({selector:?}).textContent"));
        text.as_str().expect("a text").to_owned()
    }

    /// The rows that came into the panel since this was asked last.
    pub fn new_rows(&mut self) -> Vec<Vec<String>> {
        // An answer and what the service tells of it come by two ways.
        let mut rows: Vec<Vec<String>> = Vec::new();
        loop {
            let now: Vec<Vec<String>> = serde_json::from_value(self.tab.evaluate(ROWS)).expect("a table");
            if !now.is_empty() && now.len() == rows.len() {
                break;
            }
            rows = now;
            sleep(Duration::from_millis(250));
        }
        let new = rows.split_off(self.seen);
        self.seen += new.len();
        new
    }
}

/// Saves another name and price of the first tea, by the form of a page in another tab.
pub fn save(edit: &Tab<'_>, name: &str, cents: u64) {
    let form = "document.querySelector('form')";
    let before = edit.evaluate(&format!("{form}.textContent"));
    edit.evaluate(&format!("{form}.name.value = {name:?}; {form}.cents.value = {cents}; {form}.requestSubmit()"));
    edit.wait_for(&format!("{form}.textContent !== {before}"));
}

/// In Chromium.
pub fn in_two_tabs(address: SocketAddr) {
    let browser = Chromium::start();
    let mut page = Page::open(&browser, address);
    print("A tab shows the menu, the list and one tea. All of it is sent, once:", page.new_rows());
    page.click("#again");
    print("It reads again. The browser does not ask for the menu, and sends the tags of the others:", page.new_rows());
    let mut other = Page::open(&browser, address);
    print("Another tab shows the same page. The browser has the picture, and keeps it for good:", other.new_rows());
    page.new_rows();

    let edit = browser.open(&format!("http://{address}/edit"));
    save(&edit, "Sencha", 990);
    print("In another tab the first tea gets another price:", page.new_rows());
    let reads = page.reads();
    page.tab().show();
    page.wait_for_read(reads + 1);
    print(
        "Back in the first tab, which reads again as it is visible. What changed is sent, and the picture has another URL:",
        page.new_rows(),
    );
    println!("\nIt shows: {}", page.text("#label"));

    // Not before the browser has just been sent the menu.
    while !page.new_rows().iter().any(|row| row[..2] == ["the service", "GET /menu"]) {
        page.click("#again");
    }
    save(&edit, "Gyokuro", 990);
    let saved = Instant::now();
    page.tab().show();
    let mut old = Duration::ZERO;
    loop {
        let asked = saved.elapsed();
        page.click("#again");
        if page.text("#menu").contains("Gyokuro") {
            break;
        }
        old = asked;
        sleep(Duration::from_millis(300));
    }
    let menu = page.new_rows().into_iter().filter(|row| row[1] == "GET /menu").collect();
    print("It gets another name. An event reaches nothing that a browser keeps, so the menu is old for a while:", menu);
    println!(
        "\nThe list has the new name at once. The menu had the old one for {:.1} s: its `browser_ttl` is 3 s.",
        old.as_secs_f64()
    );
}

/// Without Chromium.
pub async fn with_a_client(address: SocketAddr, mut answers: Receiver<Answer>) -> Result<(), Failure> {
    println!("Chromium is not installed: a client asks that remembers tags, and keeps nothing without asking.");
    let mut client = Client::new(address);
    let paths = ["/menu", "/teas", "/teas/1", "/labels/1"];
    for (what, change) in [
        ("All of it is sent, once:", None),
        ("The client asks again, with tags:", None),
        ("After a change:", Some("name=Sencha&cents=990")),
    ] {
        if let Some(form) = change {
            client.post("/teas/1", form).await?;
        }
        for path in paths {
            client.get(path).await?;
        }
        print(what, std::iter::from_fn(|| answers.try_recv().ok()).map(cells).collect());
    }
    println!("\nIt shows: {}", client.get("/labels/1").await?);
    Ok(())
}

/// As the panel has it.
fn cells(answer: Answer) -> Vec<String> {
    let Answer { method, path, status, cache_control, etag, bytes, work, .. } = answer;
    let or_none = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    let etag = etag.get(..9).map(|start| format!("{start}…")).unwrap_or_default();
    let bytes = bytes.map_or("?".to_owned(), |bytes| bytes.to_string());
    vec![
        "the service".to_owned(),
        format!("{method} {path}"),
        status.to_string(),
        or_none(cache_control),
        or_none(etag),
        format!("{bytes} B"),
        work.to_owned(),
    ]
}

fn print(what: &str, rows: Vec<Vec<String>>) {
    println!("\n{what}\n");
    let heads = ["answered by", "request", "status", "Cache-Control", "ETag", "body", "handler"];
    let heads = heads.map(str::to_owned).to_vec();
    for row in std::iter::once(heads).chain(rows) {
        let line: String = row.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:<width$}  ")).collect();
        println!("  {}", line.trim_end());
    }
}
