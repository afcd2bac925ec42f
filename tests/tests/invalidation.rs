//! Events, versions and rollbacks through the annotations (R1, R3 to R7, R20, R22, G2, G7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::{Cache, CacheError, CacheEvent, cached, invalidates, load_hint};
use cachemacro_tests::{Row, RowUpdated, Table, builder, cache};
use tokio::sync::Semaphore;

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "row.restored", key = "row:<id>", version = version, restores = of)]
struct RowRestored {
    id: u64,
    version: u64,
    of: u64,
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "page.changed", key = "page:<name>")]
struct PageChanged {
    name: String,
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "ledger.rolled_back", key = "ledger:<id>", rollback_to = to)]
struct LedgerRolledBack {
    id: u64,
    to: u64,
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "ledger.moved", key = "ledger:<id>", version = version)]
struct LedgerMoved {
    id: u64,
    version: u64,
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "member.moved", key = "team:<from>", key = "team:<to>")]
struct MemberMoved {
    from: u64,
    to: u64,
}

#[derive(Clone)]
struct Repo {
    table: Arc<Table>,
    cache: Cache,
    calls: Arc<AtomicU64>,
    gate: Arc<Semaphore>,
    /// What the replica would answer.
    replica: Arc<Table>,
    fails: Arc<AtomicBool>,
}

fn repo_with(cache: Cache) -> Repo {
    let gate = Arc::new(Semaphore::new(1 << 20));
    Repo { table: Table::at(1), cache, calls: Arc::default(), gate, replica: Table::at(0), fails: Arc::default() }
}

fn repo() -> Repo {
    repo_with(cache().0)
}

impl Repo {
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }, RowRestored { id }), hard_ttl = "10m", cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        let row = self.table.read(id);
        self.calls.fetch_add(1, SeqCst);
        let _pass = self.gate.acquire().await.expect("the gate is never closed");
        row
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", negative_ttl = "1m", cache = self.cache)]
    async fn replicated(&self, id: u64) -> Option<Row> {
        if load_hint().primary_required { self.table.read(id) } else { self.replica.read(id) }
    }

    #[cached(key = "page:<name>", invalidated_by(PageChanged { name }), hard_ttl = "10m", cache = self.cache)]
    async fn page(&self, name: &str) -> String {
        let read = self.table.read(0).map_or(0, |row| row.version);
        self.calls.fetch_add(1, SeqCst);
        let _pass = self.gate.acquire().await.expect("the gate is never closed");
        format!("{name} {read}")
    }

    #[cached(
        key = "source:<id>", version_from = self.table.read(id).map_or(0, |row| row.version),
        invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache
    )]
    async fn source(&self, id: u64) -> u64 {
        self.calls.fetch_add(1, SeqCst);
        self.table.read(id).map_or(0, |row| row.version)
    }

    #[cached(key = "ledger:<id>", version_from = |row| row.version, invalidated_by(LedgerMoved { id }, LedgerRolledBack { id }), hard_ttl = "10m", cache = self.cache)]
    async fn ledger(&self, id: u64) -> Option<Row> {
        self.table.read(id).map(|row| Row { id: self.replica.reads(), ..row })
    }

    #[cached(key = "ledger:<id>:sum", invalidated_by(LedgerMoved { id }, LedgerRolledBack { id }), hard_ttl = "10m", cache = self.cache)]
    async fn ledger_sum(&self, id: u64) -> u64 {
        let _ = id;
        self.calls.fetch_add(1, SeqCst);
        self.table.read(id).map_or(0, |row| row.version)
    }

    #[cached(key = "team:<team>", invalidated_by(MemberMoved { from: team }, MemberMoved { to: team }), hard_ttl = "10m", cache = self.cache)]
    async fn team(&self, team: u64) -> u64 {
        self.calls.fetch_add(1, SeqCst);
        team
    }

    #[invalidates(|row| RowUpdated { id: row.id, version: row.version }, cache = self.cache)]
    async fn write(&self, id: u64, version: u64) -> Result<Row, CacheError> {
        if self.fails.load(SeqCst) {
            return Err(CacheError::NotCached { function: "the write fails" });
        }
        self.table.write(version);
        Ok(Row { id, version })
    }

    #[invalidates(MemberMoved { from, to }, cache = self.cache)]
    async fn move_member(&self, from: u64, to: u64) {
        let _ = (from, to);
    }
}

#[tokio::test]
async fn g2_the_read_after_a_write_sees_it() {
    let repo = repo();
    for version in 1..50 {
        repo.write(1, version).await.expect("a write");
        assert_eq!(repo.row(1).await.expect("a row").version, version);
        assert_eq!(repo.row(1).await.expect("a row").version, version);
    }
    assert_eq!(repo.table.reads(), 49, "one load per version");
}

#[tokio::test]
async fn a_failed_write_publishes_nothing() {
    let repo = repo();
    repo.row(1).await;
    repo.fails.store(true, SeqCst);
    repo.write(1, 2).await.expect_err("it fails");
    repo.row(1).await;
    assert_eq!(repo.table.reads(), 1);
}

#[tokio::test]
async fn r1_a_reader_that_loaded_the_old_row_does_not_write_it_back() {
    let repo = repo();
    repo.gate.forget_permits(1 << 20);
    let slow = tokio::spawn({
        let repo = repo.clone();
        async move { repo.row(1).await }
    });
    while repo.calls.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    repo.write(1, 2).await.expect("a write");
    repo.gate.add_permits(1 << 20);
    assert_eq!(
        slow.await.expect("the reader").expect("a row").version,
        1,
        "it began before the write was acknowledged"
    );
    assert_eq!(repo.row(1).await.expect("a row").version, 2);
    assert_eq!(repo.cache.stats().function("row").expect("called").refused.old, 1);
}

#[tokio::test]
async fn r1_in_opaque_mode_too() {
    let repo = repo();
    repo.gate.forget_permits(1 << 20);
    let slow = tokio::spawn({
        let repo = repo.clone();
        async move { repo.page("a").await }
    });
    while repo.calls.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    repo.table.write(2);
    repo.cache.publish_or_retry(PageChanged { name: "a".to_owned() }).await;
    repo.gate.add_permits(1 << 20);
    assert_eq!(slow.await.expect("the reader"), "a 1");
    assert_eq!(repo.page("a").await, "a 2");
    assert_eq!(repo.cache.stats().function("page").expect("called").refused.moved, 1);
}

#[tokio::test]
async fn r3_a_late_or_duplicate_event_changes_nothing() {
    let repo = repo();
    repo.write(1, 8).await.expect("a write");
    repo.row(1).await;
    for version in [7, 8, 3] {
        repo.cache.publish_or_retry(RowUpdated { id: 1, version }).await;
        assert_eq!(repo.row(1).await.expect("a row").version, 8);
    }
    assert_eq!(repo.table.reads(), 1);
}

#[tokio::test]
async fn r4_a_lagging_replicas_row_is_refused_and_the_primary_asked() {
    let repo = repo_with(builder().0.source_lag(Duration::from_secs(1)).build());
    repo.table.write(7);
    repo.replica.write(7);
    assert_eq!(repo.replicated(1).await.expect("a row").version, 7);
    repo.table.write(8);
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 8 }).await;
    assert_eq!(repo.replicated(1).await.expect("a row").version, 8, "the replica still says 7");
    assert_eq!(repo.replicated(1).await.expect("a row").version, 8);
}

#[tokio::test]
async fn r5_a_new_record_is_filled_from_the_primary_only() {
    let repo = repo_with(builder().0.source_lag(Duration::from_secs(1)).build());
    repo.table.write(8);
    repo.replica.write(7);
    assert_eq!(repo.replicated(1).await.expect("a row").version, 8);
    assert_eq!(repo.replica.reads(), 0);
}

#[tokio::test]
async fn r9_a_replicas_absence_is_not_believed() {
    let (builder, clock) = builder();
    let repo = repo_with(builder.source_lag(Duration::from_secs(1)).build());
    assert!(repo.replicated(1).await.is_some());
    clock.advance(Duration::from_secs(601));
    repo.table.write(2);
    assert_eq!(repo.replicated(1).await.expect("the primary has it").version, 2, "the replica never had it");
}

#[tokio::test]
async fn r6_an_event_for_an_unknown_aggregate_creates_nothing() {
    let repo = repo();
    for id in 0..1000 {
        repo.cache.publish_or_retry(RowUpdated { id, version: 9 }).await;
    }
    assert_eq!(repo.row(1).await.expect("a row").version, 1, "no floor was left behind");
    assert_eq!(repo.table.reads(), 1);
}

#[tokio::test]
async fn r7_an_unreachable_floor_is_reset_and_counted() {
    let repo = repo();
    repo.row(1).await;
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 100 }).await;
    for _ in 0..3 {
        assert_eq!(repo.row(1).await.expect("a row").version, 1, "the transaction of version 100 was aborted");
    }
    let stats = repo.cache.stats();
    let row = stats.function("row").expect("called");
    assert_eq!((row.detected, row.loads), (1, 4), "the first load; then refused, refused from the primary, healed");
}

#[tokio::test]
async fn r7_a_thousand_callers_reset_a_floor_once() {
    let repo = repo();
    repo.row(1).await;
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 100 }).await;
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            tokio::spawn({
                let repo = repo.clone();
                async move { repo.row(1).await }
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.expect("an answer").expect("a row").version, 1);
    }
    let stats = repo.cache.stats();
    assert_eq!(stats.function("row").expect("called").detected, 1);
    assert!(repo.table.reads() <= 8, "{} loads", repo.table.reads());
}

#[tokio::test]
async fn a_restore_serves_the_old_entry_warm() {
    let repo = repo();
    repo.row(1).await;
    repo.write(1, 2).await.expect("a bad write");
    repo.row(1).await;
    repo.table.write(3);
    repo.cache.publish_or_retry(RowRestored { id: 1, version: 3, of: 1 }).await;
    assert_eq!(repo.row(1).await.expect("a row").version, 1, "the content of version 1, without a load");
    assert_eq!(repo.table.reads(), 2);
}

#[tokio::test]
async fn g7_a_rolled_back_version_is_not_served_again_when_its_number_is_used_again() {
    let repo = repo();
    repo.table.write(5);
    repo.ledger(1).await;
    repo.table.write(6);
    repo.cache.publish_or_retry(LedgerMoved { id: 1, version: 6 }).await;
    assert_eq!(repo.ledger(1).await.expect("the bad row").id, 0);
    // The database goes back to 5, and writes another 6.
    repo.table.write(5);
    repo.cache.publish_or_retry(LedgerRolledBack { id: 1, to: 5 }).await;
    assert_eq!(repo.ledger(1).await.expect("a row").version, 5);
    repo.table.write(6);
    repo.replica.read(0);
    repo.cache.publish_or_retry(LedgerMoved { id: 1, version: 6 }).await;
    assert_eq!(repo.ledger(1).await.expect("the good row").id, 1);
}

#[tokio::test]
async fn an_opaque_entry_of_a_reused_database_moves_at_every_event() {
    let repo = repo();
    repo.table.write(5);
    repo.ledger_sum(1).await;
    repo.ledger_sum(1).await;
    assert_eq!(repo.calls.load(SeqCst), 1);
    for duplicate in 2..5 {
        repo.cache.publish_or_retry(LedgerMoved { id: 1, version: 5 }).await;
        repo.ledger_sum(1).await;
        assert_eq!(repo.calls.load(SeqCst), duplicate);
    }
}

#[tokio::test]
async fn source_mode_serves_the_version_it_was_told() {
    let repo = repo();
    for version in [1, 1, 2, 2, 3] {
        repo.table.write(version);
        assert_eq!(repo.source(1).await, version, "no event is needed");
    }
    assert_eq!(repo.calls.load(SeqCst), 3);
    repo.table.write(1);
    assert_eq!(repo.source(1).await, 1, "a source below the floor is a database that went back");
    assert_eq!(repo.cache.stats().function("source").expect("called").detected, 1);
}

#[tokio::test]
async fn an_event_with_two_keys_moves_both_aggregates() {
    let repo = repo();
    for team in [1, 2, 3] {
        repo.team(team).await;
    }
    repo.move_member(1, 2).await;
    for team in [1, 2, 3] {
        repo.team(team).await;
    }
    assert_eq!(repo.calls.load(SeqCst), 5, "teams 1 and 2 again, team 3 not");
}

#[tokio::test]
async fn handlers_get_every_event_and_apply_it_without_sending_it_on() {
    #[invalidates(event, cache = cache)]
    async fn on_row_updated(event: RowUpdated, cache: Cache, seen: Arc<AtomicU64>) -> Result<(), CacheError> {
        seen.fetch_add(event.version, SeqCst);
        Ok(())
    }
    let repo = repo();
    let seen = Arc::new(AtomicU64::new(0));
    let subscription = repo.cache.subscribe({
        let (cache, seen) = (repo.cache.clone(), Arc::clone(&seen));
        move |event: RowUpdated| on_row_updated(event, cache.clone(), Arc::clone(&seen))
    });
    repo.write(1, 5).await.expect("a write");
    repo.write(1, 6).await.expect("a write");
    while subscription.handled() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(seen.load(SeqCst), 11);
    drop(subscription);
    repo.write(1, 7).await.expect("a write");
    tokio::task::yield_now().await;
    assert_eq!(seen.load(SeqCst), 11, "unsubscribed");
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "city.changed", key = "city:<id>", key = "country:<code>", version = version)]
struct CityChanged {
    id: u64,
    code: u64,
    version: u64,
}

#[tokio::test]
async fn r3_the_version_of_one_row_does_not_order_the_moves_of_another_aggregate() {
    #[cached(key = "cities:<code>", invalidated_by(CityChanged { code }), hard_ttl = "10m", skip(repo), cache = repo.cache)]
    async fn cities(code: u64, repo: &Repo) -> u64 {
        let _ = code;
        repo.calls.fetch_add(1, SeqCst)
    }
    let repo = repo();
    cities(1, &repo).await;
    for (id, version) in [(1, 900), (2, 3), (3, 1)] {
        let before = repo.calls.load(SeqCst);
        repo.cache.publish_or_retry(CityChanged { id, code: 1, version }).await;
        assert_eq!(cities(1, &repo).await, before, "city {id} moved the list, whatever the versions of the others");
    }
}

#[tokio::test]
async fn r20_an_entry_over_two_aggregates_is_checked_against_both() {
    #[cached(
        key = "report:<row>:<page>",
        invalidated_by(RowUpdated { id: row }, PageChanged { name: page }),
        hard_ttl = "10m", skip(repo), cache = repo.cache
    )]
    async fn report(row: u64, page: &str, repo: &Repo) -> u64 {
        let _ = (row, page);
        repo.calls.fetch_add(1, SeqCst)
    }
    let repo = repo();
    assert_eq!((report(1, "a", &repo).await, report(1, "a", &repo).await), (0, 0));
    repo.cache.publish_or_retry(PageChanged { name: "a".to_owned() }).await;
    assert_eq!((report(1, "a", &repo).await, report(1, "a", &repo).await), (1, 1), "the second aggregate moved");
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 7 }).await;
    assert_eq!((report(1, "a", &repo).await, report(1, "a", &repo).await), (2, 2), "the first aggregate moved");
    repo.cache.publish_or_retry(PageChanged { name: "b".to_owned() }).await;
    assert_eq!(report(1, "a", &repo).await, 2, "another page did");
}

/// The row of a lagging replica, read by a refresh, refused because the record moved, is not returned either.
#[tokio::test]
async fn g7_a_refresh_returns_no_row_that_was_rolled_back() {
    #[derive(Clone)]
    struct Books {
        table: Arc<Table>,
        replica: Arc<Table>,
        cache: Cache,
    }
    impl Books {
        #[cached(
            key = "ledger:<id>", version_from = |row| row.version, invalidated_by(LedgerMoved { id }, LedgerRolledBack { id }),
            soft_ttl = "1s", hard_ttl = "10m", jitter = "0%", refresh = inline, cache = self.cache
        )]
        async fn read(&self, id: u64) -> Option<Row> {
            if load_hint().primary_required {
                return self.table.read(id);
            }
            let row = self.replica.read(id);
            self.cache.publish_or_retry(LedgerMoved { id, version: 3 }).await;
            row
        }
    }
    let (builder, clock) = builder();
    let cache = builder.source_lag(Duration::from_secs(10)).build();
    // Version 3 was rolled back, and the replica does not know yet.
    let books = Books { table: Table::at(2), replica: Table::at(3), cache };
    for _ in 0..2 {
        assert_eq!(books.read(1).await.expect("a row").version, 2);
        books.cache.publish_or_retry(LedgerRolledBack { id: 1, to: 2 }).await;
    }
    assert_eq!(books.read(1).await.expect("a row").version, 2);
    clock.advance(Duration::from_secs(2));
    assert_eq!(books.read(1).await.expect("a row").version, 2);
}
