//! The service, driven over HTTP in this process. The cache is the process's, so each test has cities of its own.

use std::net::SocketAddr;
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use cachemacro::strategy;
use serde::de::DeserializeOwned;
use sqlx::SqlitePool;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::drive::{Client, Reply};
use crate::model::{AtlasError, City, Ranking};
use crate::repository::Atlas;

/// One service for all tests: the data is loaded once.
struct Service {
    runtime: Runtime,
    address: SocketAddr,
    db: SqlitePool,
    _folder: TempDir,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (address, db) = runtime.block_on(async {
        let db = crate::data::open(&folder.path().join("atlas.db")).await.unwrap();
        let (cities, countries) = crate::data::load(&db).await.unwrap();
        assert!(cities >= 20_000 && countries >= 200);
        (crate::serve(0, Atlas::new(db.clone())).await.unwrap(), db)
    });
    Service { runtime, address, db, _folder: folder }
});

/// Runs a test with a client of the service.
fn with_service(test: impl AsyncFnOnce(Client)) {
    SERVICE.runtime.block_on(async { test(Client::new(SERVICE.address)).await });
}

async fn get(client: &Client, path: &str) -> Reply {
    client.get(path).await.unwrap()
}

async fn patch(client: &Client, path: &str, body: &str) -> Reply {
    client.send(Method::PATCH, path, body).await.unwrap()
}

async fn post(client: &Client, path: &str, body: &str) -> Reply {
    client.send(Method::POST, path, body).await.unwrap()
}

fn parse<T: DeserializeOwned>(reply: &Reply) -> T {
    assert_eq!(reply.status, StatusCode::OK, "{}", String::from_utf8_lossy(&reply.body));
    serde_json::from_slice(&reply.body).unwrap()
}

#[test]
fn a_read_after_a_write_has_the_new_version() {
    const BERLIN: &str = "/cities/2950159";
    with_service(async |client| {
        let first: City = parse(&get(&client, BERLIN).await);
        assert_eq!((first.name.as_str(), first.version), ("Berlin", 1));
        assert!(get(&client, BERLIN).await.is_hit());

        let written: City = parse(&patch(&client, BERLIN, r#"{"population": 4000000}"#).await);
        assert_eq!(written.version, 2);
        let reply = get(&client, BERLIN).await;
        assert!(!reply.is_hit(), "the old entry was served: {}", reply.cache());
        assert_eq!(parse::<City>(&reply), written);
        let reply = get(&client, BERLIN).await;
        assert!(reply.is_hit());
        assert_eq!(parse::<City>(&reply), written);
    });
}

#[test]
fn an_unknown_city_is_a_remembered_absence() {
    with_service(async |client| {
        let first = get(&client, "/cities/999999999999").await;
        assert_eq!(first.status, StatusCode::NOT_FOUND);
        assert!(!first.is_hit());
        let second = get(&client, "/cities/999999999999").await;
        assert_eq!(second.status, StatusCode::NOT_FOUND);
        assert!(second.cache().starts_with("atlas; hit; detail=negative"), "{}", second.cache());
        assert_eq!(first.body, second.body);
    });
}

#[test]
fn a_name_is_found_once_a_city_has_it_and_not_after() {
    const HAMBURG: &str = "/cities/2911298";
    with_service(async |client| {
        for _ in 0..2 {
            assert_eq!(get(&client, "/countries/DE/cities/Hammonia").await.status, StatusCode::NOT_FOUND);
            assert_eq!(parse::<City>(&get(&client, "/countries/DE/cities/Hamburg").await).id, 2_911_298);
        }
        assert_eq!(patch(&client, HAMBURG, r#"{"name": "Hammonia"}"#).await.status, StatusCode::OK);
        assert_eq!(parse::<City>(&get(&client, "/countries/DE/cities/Hammonia").await).id, 2_911_298);
        assert_eq!(get(&client, "/countries/DE/cities/Hamburg").await.status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_ranking_follows_its_cities() {
    const PORTO: &str = "/cities/2735943";
    const RANKING: &str = "/countries/PT/largest?limit=1";
    with_service(async |client| {
        let before: Ranking = parse(&get(&client, RANKING).await);
        assert_eq!(before.cities[0].name, "Lisbon");
        assert!(get(&client, RANKING).await.is_hit());
        patch(&client, PORTO, r#"{"population": 5000000}"#).await;
        let after: Ranking = parse(&get(&client, RANKING).await);
        assert_eq!(after.cities[0].name, "Porto");
    });
}

#[test]
fn a_ranking_follows_its_country_when_another_program_says_so() {
    const RANKING: &str = "/countries/KZ/largest?limit=1";
    const MESSAGE: &str = r#"{"code": "KZ", "version": 2}"#;
    with_service(async |client| {
        get(&client, RANKING).await;

        let early = post(&client, "/events/country-changed", MESSAGE).await;
        assert_eq!(early.status, StatusCode::CONFLICT, "an event from before its commit is refused");
        assert!(get(&client, RANKING).await.is_hit(), "a handler that failed publishes nothing");

        let change = "UPDATE countries SET capital = 'Almaty', version = version + 1 WHERE code = 'KZ'";
        sqlx::query(change).execute(&SERVICE.db).await.unwrap();
        let accepted = post(&client, "/events/country-changed", MESSAGE).await;
        assert_eq!(accepted.status, StatusCode::NO_CONTENT);
        let after: Ranking = parse(&get(&client, RANKING).await);
        assert_eq!(after.country.capital, "Almaty");
    });
}

#[test]
fn a_restored_city_is_served_without_a_query() {
    const OSLO: u64 = 3_143_244;
    with_service(async |_| {
        let atlas = Atlas::new(SERVICE.db.clone());
        let good = atlas.city(OSLO).await.unwrap();
        let bad = atlas.rename(OSLO, "Christiania").await.unwrap().city;
        assert_eq!(atlas.city(OSLO).await.unwrap(), bad);

        let restored = atlas.restore(OSLO, good.version).await.unwrap().city;
        assert_eq!((restored.name.as_str(), restored.version), ("Oslo", 3));
        let loads = atlas.loads();
        assert_eq!(atlas.city(OSLO).await.unwrap().name, "Oslo");
        assert_eq!(atlas.loads(), loads);

        let unknown = atlas.restore(OSLO, 99).await;
        assert!(matches!(unknown, Err(AtlasError::UnknownVersion { version: 99, .. })), "{unknown:?}");
    });
}

#[test]
fn a_thousand_callers_cost_one_load() {
    with_service(async |_| {
        let atlas = Atlas::new(SERVICE.db.clone());
        let mut callers = JoinSet::new();
        for _ in 0..1_000 {
            let atlas = atlas.clone();
            callers.spawn(async move { atlas.largest("BR", 77).await.unwrap().cities.len() });
        }
        assert!(callers.join_all().await.into_iter().all(|cities| cities == 77));
        assert_eq!(atlas.loads(), 1);
    });
}

#[test]
fn the_map_is_drawn_once() {
    with_service(async |_| {
        let atlas = Atlas::new(SERVICE.db.clone());
        let map = atlas.map(60).await.unwrap();
        assert!(map.lines().count() > 10 && map.lines().all(|line| line.chars().count() <= 60));
        assert!(std::sync::Arc::ptr_eq(&map, &atlas.map(60).await.unwrap()));
    });
}

#[test]
fn a_browser_asks_for_a_city_each_time_and_keeps_the_map() {
    const BERGEN: &str = "/cities/3161732";
    with_service(async |client| {
        let first = get(&client, BERGEN).await;
        assert_eq!(first.headers["cache-control"], "private, no-cache");
        let asks_again = async || {
            let request = Request::get(format!("http://{}{BERGEN}", SERVICE.address));
            let request = request.header("if-none-match", &first.headers["etag"]).body(Body::empty()).unwrap();
            client.request(request).await.unwrap()
        };
        let second = asks_again().await;
        assert_eq!((second.status, second.body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert!(second.is_hit());
        patch(&client, BERGEN, r#"{"population": 290000}"#).await;
        assert_eq!(parse::<City>(&asks_again().await).population, 290_000);

        assert_eq!(get(&client, "/map").await.headers["cache-control"], "private, max-age=600");
        assert!(!get(&client, "/stats").await.headers.contains_key("cache-control"), "it calls no cached function");
    });
}

/// After a change of an annotation, run the tests with `CACHEMACRO_UPDATE=1` and read the difference.
#[test]
fn the_strategy_is_sound_and_written_down() {
    // It knows the routes of the routers that there are.
    LazyLock::force(&SERVICE);
    strategy().verify().unwrap();
    strategy().assert_matches("atlas/CACHING.md");
}
