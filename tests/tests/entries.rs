//! `Cache::entries`: the entries of a function in this process.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, EntryInfo, KeyPart, KeyWriter, ManualClock, Memory, UnknownFunction, cached};
use cachemacro_servers::{Options, Standalone};
use cachemacro_tests::{Row, RowUpdated, Table, builder, remote};

#[derive(Clone, CacheEvent)]
#[event(name = "listed.page", key = "page:<id>")]
struct PageMoved {
    id: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "listed.undone", key = "undone:<id>", version = version, restores = of)]
struct Undone {
    id: u64,
    version: u64,
    of: u64,
}

#[derive(Clone, KeyPart)]
enum Sort {
    ByName,
    By(u8, String),
}

/// Written as a number or as a text.
struct Loose(Option<u64>);

impl KeyPart for Loose {
    type Canonical = Self;

    fn canonical(&self) -> &Self {
        self
    }

    fn render(&self, out: &mut KeyWriter) {
        match self.0 {
            Some(number) => number.render(out),
            None => "no/ne".render(out),
        }
    }
}

#[derive(Clone)]
struct Repo {
    cache: Cache,
    clock: ManualClock,
    table: Arc<Table>,
}

impl Repo {
    fn with(memory: Memory) -> Self {
        let (builder, clock) = builder();
        Self { cache: builder.memory(memory).build(), clock, table: Table::at(1) }
    }

    fn new() -> Self {
        Self::with(Memory::entries(1000))
    }

    #[cached(key = "row:<id>:v1", version_from = |row| row.version, invalidated_by(RowUpdated { id }), soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", negative_ttl = "5m", cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    #[cached(key = "both:<id>", invalidated_by(RowUpdated { id }, PageMoved { id }), hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn both(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    #[cached(key = "undone:<id>", version_from = |row| row.version, invalidated_by(Undone { id }), hard_ttl = "10m", cache = self.cache)]
    async fn undone(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    #[cached(key = "at:<id>", version_from = self.version().await, invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn asked(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    async fn version(&self) -> u64 {
        7
    }

    #[cached(key = "text/<name>.", ttl_only = "a test", hard_ttl = "10m", local, cache = self.cache)]
    fn text(&self, name: &str) -> usize {
        name.len()
    }

    #[cached(key = "parts:<a>:<b>:<sort>", ttl_only = "a test", hard_ttl = "10m", local, cache = self.cache)]
    fn parts(&self, a: i64, b: Option<&str>, sort: Sort) -> usize {
        let _ = (a, b, sort);
        0
    }

    #[cached(key = "computed:<mail.to_lowercase()>", ttl_only = "a test", hard_ttl = "10m", local, cache = self.cache)]
    fn computed(&self, mail: &str) -> usize {
        mail.len()
    }

    #[cached(key = "all", ttl_only = "a test", hard_ttl = "10m", local, cache = self.cache)]
    fn constant(&self) -> usize {
        0
    }

    #[cached(key = "loose:<part>", ttl_only = "a test", hard_ttl = "10m", local, cache = self.cache)]
    fn loose(&self, part: &Loose) -> u64 {
        part.0.unwrap_or(0)
    }

    fn entries(&self, function: &str) -> Vec<EntryInfo> {
        self.cache.entries(function).expect("a function of this binary")
    }

    fn keys(&self, function: &str) -> Vec<String> {
        self.entries(function).into_iter().map(|entry| entry.key).collect()
    }
}

#[cached(key = "of:<key>", ttl_only = "a test", hard_ttl = "10m", local, cache = cache)]
fn of<K: Debug + KeyPart>(cache: &Cache, key: K) -> String {
    format!("{key:?}")
}

#[cached(key = "named:<id>", name = "listed-by-name", ttl_only = "a test", hard_ttl = "10m", cache = cache)]
async fn named(cache: &Cache, id: u64) -> u64 {
    id
}

#[cached(key = "plain:<id>", ttl_only = "a test", hard_ttl = "10m", local, cache = cache)]
fn plain(cache: &Cache, id: u64) -> u64 {
    id
}

#[tokio::test]
async fn an_entry_is_listed_with_its_version_its_age_and_what_is_left_of_it() {
    let repo = Repo::new();
    repo.row(1).await;
    repo.clock.advance(Duration::from_secs(20));
    repo.table.write(3);
    repo.row(2).await;
    repo.clock.advance(Duration::from_secs(40));
    let [one, two] = &repo.entries("row")[..] else { panic!("two entries") };
    assert_eq!((&*one.key, one.version, one.age), ("row:1:v1", Some(1), Duration::from_secs(60)));
    assert_eq!((one.is_fresh, one.expires_in), (false, Duration::from_secs(540)), "past its soft TTL");
    assert_eq!((&*two.key, two.version, two.age), ("row:2:v1", Some(3), Duration::from_secs(40)));
    assert_eq!((two.is_fresh, two.expires_in), (true, Duration::from_secs(560)));
    for entry in [one, two] {
        assert!(!entry.is_absent && !entry.is_copy);
        assert_eq!((&*entry.function, entry.weight), ("entries::Repo::row", None));
    }
    assert_eq!(repo.entries("both"), [], "it was not called");
    assert_eq!(serde_json::to_value(one).expect("it is JSON")["key"], "row:1:v1");
}

#[tokio::test]
async fn what_is_past_its_hard_ttl_or_ended_by_an_event_is_not_listed() {
    let repo = Repo::new();
    for id in [1, 2, 3] {
        repo.row(id).await;
        repo.both(id).await;
    }
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    repo.cache.publish_or_retry(PageMoved { id: 2 }).await;
    // The same version: it says nothing new.
    repo.cache.publish_or_retry(RowUpdated { id: 3, version: 1 }).await;
    assert_eq!(repo.cache.stats().entries, 6, "no entry was freed");
    assert_eq!(
        (repo.keys("row"), repo.keys("both")),
        (vec!["row:2:v1".into(), "row:3:v1".into()], vec!["both:3".into()])
    );
    repo.clock.advance(Duration::from_secs(599));
    assert_eq!(repo.keys("row").len(), 2);
    repo.clock.advance(Duration::from_secs(1));
    assert_eq!((repo.keys("row"), repo.keys("both")), (vec![], vec![]));
    assert_eq!(repo.cache.stats().entries, 6, "no entry was freed");
}

#[tokio::test]
async fn what_was_cleared_is_not_listed() {
    let repo = Repo::new();
    for id in [1, 2] {
        repo.row(id).await;
        repo.both(id).await;
    }
    repo.cache.clear_function("Repo::both").expect("a function");
    assert_eq!((repo.entries("row").len(), repo.entries("both").len()), (2, 0));
    repo.cache.clear();
    assert_eq!((repo.entries("row").len(), repo.entries("both").len()), (0, 0));
}

#[tokio::test]
async fn an_older_version_that_is_served_again_is_listed() {
    let repo = Repo::new();
    repo.undone(1).await;
    repo.clock.advance(Duration::from_secs(1));
    repo.table.write(2);
    repo.cache.publish_or_retry(Undone { id: 1, version: 2, of: 2 }).await;
    repo.undone(1).await;
    let versions =
        || repo.entries("undone").iter().map(|entry| (entry.version, entry.age.as_secs())).collect::<Vec<_>>();
    assert_eq!(versions(), [(Some(2), 0)]);
    repo.cache.publish_or_retry(Undone { id: 1, version: 3, of: 1 }).await;
    assert_eq!(versions(), [(Some(1), 1)]);
}

#[tokio::test]
async fn absences_and_values_without_a_version_have_none() {
    let repo = Repo::new();
    repo.table.write(0);
    repo.row(1).await;
    repo.table.write(1);
    repo.both(2).await;
    repo.asked(3).await;
    let one = |function| repo.entries(function).pop().expect("an entry");
    let absent = one("row");
    assert_eq!((absent.is_absent, absent.version, absent.expires_in), (true, None, Duration::from_secs(300)));
    assert_eq!((one("both").is_absent, one("both").version), (false, None));
    assert_eq!((one("asked").is_absent, one("asked").version, &*one("asked").key), (false, Some(7), "at:3"));
}

#[test]
fn a_key_is_listed_as_its_template_makes_it() {
    let repo = Repo::new();
    for name in ["a", "ä b/c", ""] {
        repo.text(name);
    }
    assert_eq!(repo.keys("text"), ["text/%C3%A4%20b%2Fc.", "text/.", "text/a."]);
    repo.parts(-3, Some("a:b"), Sort::ByName);
    repo.parts(3, None, Sort::By(7, "x y".into()));
    let parts = repo.keys("parts");
    assert_eq!(parts.len(), 2, "{parts:?}");
    assert!(
        parts[0].starts_with("parts:-3:") && parts[0].ends_with(":ByName") && parts[0].contains("a%3Ab"),
        "{parts:?}"
    );
    assert!(parts[1].starts_with("parts:3:") && parts[1].ends_with(":By(7,x%20y)"), "{parts:?}");
    repo.computed("Ada@Example.ORG");
    assert_eq!(repo.keys("computed"), ["computed:ada%40example.org"]);
    repo.constant();
    assert_eq!(repo.keys("constant"), ["all"]);
    for part in [Some(u64::MAX), None, Some(0)] {
        repo.loose(&Loose(part));
    }
    assert_eq!(repo.keys("loose"), ["loose:0", "loose:18446744073709551615", "loose:no%2Fne"]);
    let long = "x".repeat(300);
    repo.text(&long);
    assert!(repo.keys("text").contains(&format!("text/{long}.")));
}

#[tokio::test]
async fn weights_are_those_of_a_cache_that_is_bounded_by_bytes() {
    let repo = Repo::with(Memory::bytes(1 << 20));
    for id in 0..50 {
        repo.row(id).await;
    }
    let entries = repo.entries("row");
    let weights: u64 = entries.iter().map(|entry| entry.weight.expect("bytes")).sum();
    assert_eq!((entries.len(), weights), (50, repo.cache.stats().weight));
}

#[test]
fn a_generic_function_is_listed_with_all_its_types() {
    let cache = builder().0.build();
    for id in [1, 2_u64] {
        of(&cache, id);
    }
    of(&cache, String::from("x"));
    let all = cache.entries("of").expect("a function");
    let told: Vec<_> = all.iter().map(|entry| (&*entry.function, &*entry.key)).collect();
    let expected =
        [("entries::of<alloc::string::String>", "of:x"), ("entries::of<u64>", "of:1"), ("entries::of<u64>", "of:2")];
    assert_eq!(told, expected);
    let of_texts = cache.entries("entries::of<alloc::string::String>").expect("an instance");
    assert_eq!(of_texts, all[..1]);
}

#[tokio::test]
async fn a_function_has_several_names_and_a_wrong_one_is_an_error_that_lists_what_is_near() {
    let cache = builder().0.build();
    named(&cache, 3).await;
    for name in ["named", "entries::named", "listed-by-name"] {
        assert_eq!(cache.entries(name).expect(name).len(), 1, "{name}");
    }
    for name in ["Repo::constant", "entries::Repo::constant", "entries::constant"] {
        assert_eq!(cache.entries(name).expect(name), [], "{name}");
    }
    let error = |name| cache.entries(name).expect_err("no such function");
    for (typed, near) in [
        ("nmed", "listed-by-name"),
        ("entries::nmaed", "listed-by-name"),
        ("listed_by_name", "listed-by-name"),
        ("shop::constent", "entries::Repo::constant"),
    ] {
        let UnknownFunction { name, near: listed, .. } = error(typed);
        assert_eq!((&*name, listed.first().map(String::as_str)), (typed, Some(near)));
    }
    assert_eq!(
        error("nmed").to_string(),
        "no cached function of this program is called `nmed`: did you mean `listed-by-name`?"
    );
    assert_eq!(
        error("zebra-stripes").to_string(),
        "no cached function of this program is called `zebra-stripes`: give the name after `fn`, the name with its module, such as \
         `shop::users::find`, or the one of `name = \"…\"`"
    );
}

/// Every one of many entries is listed once, while others are loaded and evicted.
#[test]
fn entries_are_listed_once_while_others_come_and_go() {
    let cache = Cache::builder().memory(Memory::entries(20_000)).build();
    for id in 0..10_000 {
        plain(&cache, id);
    }
    std::thread::scope(|scope| {
        let churn = scope.spawn(|| (0..60_000_u64).for_each(|id| _ = of(&cache, id)));
        loop {
            let is_over = churn.is_finished();
            let mut keys: Vec<_> =
                cache.entries("plain").expect("a function").into_iter().map(|entry| entry.key).collect();
            let listed = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), listed);
            if is_over {
                return;
            }
        }
    });
}

async fn copies(settings: impl cachemacro::store::SharedStore + Clone) {
    let table = Table::at(1);
    let process = || {
        let (builder, clock) = builder();
        let cache = builder.memory(Memory::entries(100)).shared(settings.clone()).build();
        Repo { cache, clock, table: Arc::clone(&table) }
    };
    let (one, other) = (process(), process());
    let is_copied = async |repo: &Repo| {
        repo.row(1).await;
        !repo.entries("row").is_empty()
    };
    // Copies are kept once the process follows the channel.
    for repo in [&one, &other] {
        let mut tries = 0;
        while !is_copied(repo).await {
            tries += 1;
            assert!(tries < 200, "no copy is kept");
            repo.cache.publish_or_retry(RowUpdated { id: 1, version: 1 }).await;
            repo.cache.clear();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let listed = repo.entries("row");
        assert_eq!(listed.len(), 1);
        assert!(listed[0].is_copy && listed[0].version == Some(1), "{listed:?}");
    }
    table.write(2);
    one.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    assert_eq!(one.entries("row"), []);
    for _ in 0..500 {
        if other.entries("row").is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("an event of another process ends the copy");
}

#[tokio::test]
async fn copies_of_a_shared_store_are_listed_as_such() {
    copies(remote(ManualClock::default())).await;
}

#[tokio::test]
async fn copies_of_redis_are_listed_as_such() {
    let server = Standalone::start(Options::default());
    copies(Redis::url(server.url()).expect("an address")).await;
}
