//! The routes. Of caching they have a line each, for browsers; `?cache=` and the `Cache-Status` header only show what a cache did.

use std::fmt::Write;
use std::future::Future;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::HeaderName;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cachemacro::http::CacheHeaders;
use cachemacro::{Cache, CacheMode, CallOutcome, Tier, Trace, strategy, traced};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::CountryChanged;
use crate::model::{AtlasError, Changed, City};
use crate::repository::Atlas;

/// RFC 9211's header for exactly this.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The service over one atlas.
pub fn router(atlas: Atlas) -> Router {
    Router::new()
        .route("/cities/{id}", get(city).layer(page("a city", &["city"])).patch(change_city))
        .route("/cities/{id}/restore", post(restore_city))
        .route(
            "/countries/{code}/cities/{name}",
            get(city_by_name).layer(page("a city by its name", &["city_id", "city"])),
        )
        .route("/countries/{code}/largest", get(largest).layer(page("the largest cities", &["largest"])))
        .route("/world", get(world).layer(page("the world", &["world"])))
        .route("/map", get(map).layer(page("the map", &["map"])))
        .route("/events/country-changed", post(country_changed))
        .route("/stats", get(|| async { Json(Cache::global().stats()) }))
        .route("/strategy", get(|| async { strategy().to_markdown() }))
        .with_state(atlas)
}

/// What browsers may keep of a page. Its name and the cached functions that it is made of are a row in `CACHING.md`, which says how old it may be.
fn page(name: &str, made_of: &[&str]) -> CacheHeaders {
    // Its pages have a `cache-status` that is made from a trace.
    CacheHeaders::new().named(name).made_of(made_of.iter().copied()).cache_status(false)
}

/// How a request wants its answer: `?cache=bypass` asks the database, and `?cache=refresh` renews the entry on the way.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wish {
    #[default]
    Default,
    Refresh,
    Bypass,
}

#[derive(Deserialize)]
struct ReadQuery {
    #[serde(default)]
    cache: Wish,
}

#[derive(Deserialize)]
struct LargestQuery {
    #[serde(default)]
    cache: Wish,
    limit: Option<u32>,
}

#[derive(Deserialize)]
struct RestoreQuery {
    version: u64,
}

/// What `PATCH /cities/{id}` takes: `{"name": "…"}` or `{"population": …}`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CityPatch {
    Name(String),
    Population(u32),
}

async fn city(State(atlas): State<Atlas>, Path(id): Path<u64>, Query(query): Query<ReadQuery>) -> Response {
    read(query.cache, atlas.city(id)).await
}

async fn city_by_name(
    State(atlas): State<Atlas>,
    Path((code, name)): Path<(String, String)>,
    Query(query): Query<ReadQuery>,
) -> Response {
    read(query.cache, atlas.city_by_name(&code, &name)).await
}

async fn largest(State(atlas): State<Atlas>, Path(code): Path<String>, Query(query): Query<LargestQuery>) -> Response {
    read(query.cache, atlas.largest(&code, query.limit.unwrap_or(10))).await
}

async fn world(State(atlas): State<Atlas>, Query(query): Query<ReadQuery>) -> Response {
    read(query.cache, atlas.world()).await
}

async fn map(State(atlas): State<Atlas>) -> Result<String, ApiError> {
    Ok(atlas.map(100).await?.to_string())
}

async fn change_city(State(atlas): State<Atlas>, Path(id): Path<u64>, body: String) -> Result<Json<City>, ApiError> {
    let city = match serde_json::from_str(&body)? {
        CityPatch::Name(name) => atlas.rename(id, &name).await?.city,
        CityPatch::Population(population) => atlas.set_population(id, population).await?,
    };
    Ok(Json(city))
}

async fn restore_city(
    State(atlas): State<Atlas>,
    Path(id): Path<u64>,
    Query(query): Query<RestoreQuery>,
) -> Result<Json<Changed>, ApiError> {
    Ok(Json(atlas.restore(id, query.version).await?))
}

async fn country_changed(State(atlas): State<Atlas>, body: String) -> Result<StatusCode, ApiError> {
    let event: CountryChanged = serde_json::from_str(&body)?;
    atlas.on_country_changed(event).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers a question, and says in a header what the cache had to do with it.
async fn read<T: Serialize, E: Into<ApiError>>(wish: Wish, call: impl Future<Output = Result<T, E>>) -> Response {
    let mode = match wish {
        Wish::Default => CacheMode::Default,
        Wish::Refresh => CacheMode::Refresh,
        Wish::Bypass => CacheMode::Bypass,
    };
    let (result, trace) = mode.scope(traced(call)).await;
    let body = result.map(Json).map_err(Into::into);
    ([(CACHE_STATUS, cache_status(&trace))], body).into_response()
}

/// A trace in the words of RFC 9211.
fn cache_status(trace: &Trace) -> String {
    let mut status = String::from("atlas; ");
    status.push_str(match trace.outcome {
        CallOutcome::Fresh => "hit; detail=fresh",
        CallOutcome::Stale => "hit; detail=stale",
        CallOutcome::Negative => "hit; detail=negative",
        CallOutcome::Loaded => "fwd=miss; stored",
        CallOutcome::Waited => "fwd=miss; collapsed",
        CallOutcome::Bypassed => "fwd=bypass",
        _ => "fwd=miss",
    });
    match trace.tier {
        Some(Tier::Local) => status.push_str("; tier=local"),
        Some(Tier::Shared) => status.push_str("; tier=shared"),
        _ => {}
    }
    if let Some(age) = trace.age {
        let _ = write!(status, "; age={:.1}", age.as_secs_f64());
    }
    if let Some(version) = trace.version {
        let _ = write!(status, "; version={version}");
    }
    status
}

/// What a caller is told when there is no answer.
struct ApiError(StatusCode, String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<AtlasError> for ApiError {
    fn from(error: AtlasError) -> Self {
        let status = match error {
            AtlasError::UnknownCity(_)
            | AtlasError::UnknownName { .. }
            | AtlasError::UnknownCountry(_)
            | AtlasError::UnknownVersion { .. } => StatusCode::NOT_FOUND,
            AtlasError::TooEarly { .. } => StatusCode::CONFLICT,
            AtlasError::Unannounced(_) => StatusCode::SERVICE_UNAVAILABLE,
            AtlasError::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        AtlasError::from(error).into()
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}
