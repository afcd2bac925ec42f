//! The routes: one for each kind of answer.

use std::fmt::Write;

use axum::extract::{Form, FromRef, Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Router, middleware};
use cachemacro::http::{self, CacheHeaders};
use serde::Deserialize;

use crate::record::{Record, Work, answers, record};
use crate::shop::{Shop, Tea};

/// A picture changes with its row and with the program that draws it: so its URL has the version of both.
const PICTURES: &str = concat!("/pictures/", env!("CARGO_PKG_VERSION"));

#[derive(Clone)]
struct Service {
    shop: Shop,
    record: Record,
}

pub fn router(shop: Shop, answered: Record) -> Router {
    // The label is made of nothing but its URL and its cached calls, and it is the same for all.
    let before = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
    Router::new()
        .route("/", get(page))
        .route("/edit", get(edit))
        .route("/menu", get(menu))
        .route("/teas", get(list))
        .route("/teas/{id}", get(detail).post(change))
        .route("/labels/{id}", get(label).layer(before))
        .route(&format!("{PICTURES}/{{id}}"), get(picture).layer(CacheHeaders::new().versioned_urls()))
        // The one line. The build is for `http::not_modified`.
        .layer(CacheHeaders::new().build_id(env!("CARGO_PKG_VERSION")))
        .layer(middleware::from_fn_with_state(answered.clone(), record))
        .route("/answers", get(answers))
        .with_state(Service { shop, record: answered })
}

/// Left alone: it calls no cached function.
async fn page(work: Work) -> Html<&'static str> {
    work.rendered();
    Html(include_str!("pages/shop.html"))
}

/// A browser asks each time. The tag is that of the body: it is rendered, and not sent if the browser has it.
async fn list(work: Work, State(shop): State<Shop>) -> Html<String> {
    let teas = shop.teas().await;
    work.rendered();
    let mut rows = String::new();
    for Tea { id, name, cents, .. } in teas {
        let name = escaped(&name);
        let _ = write!(rows, "<tr><td><button data-id={id}>{name}</button><td class=price>{}", price(cents));
    }
    Html(format!("<table>{rows}</table>"))
}

/// A browser keeps it for three seconds without asking.
async fn menu(work: Work, State(shop): State<Shop>) -> Html<String> {
    let names = shop.menu().await;
    work.rendered();
    Html(names.iter().map(|name| escaped(name)).collect::<Vec<_>>().join(" · "))
}

/// A browser asks each time. The tag is that of the versions: it is not rendered if the browser has it.
async fn detail(work: Work, State(shop): State<Shop>, Path(id): Path<u64>) -> Result<Response, StatusCode> {
    let Tea { name, cents, version, .. } = shop.tea(id).await.ok_or(StatusCode::NOT_FOUND)?;
    if let Some(response) = http::not_modified() {
        return Ok(response.into_response());
    }
    work.rendered();
    let (name, cents) = (escaped(&name), price(cents));
    let picture = http::versioned(&format!("{PICTURES}/{id}"), version);
    let html = format!("<img src='{picture}' alt=''><h2>{name}</h2><p><b>{cents}</b>, version {version}</p>");
    Ok(Html(html).into_response())
}

/// A browser asks each time. The layer answers 304 itself, and the handler does not run.
async fn label(work: Work, State(shop): State<Shop>, Path(id): Path<u64>) -> Result<Html<String>, StatusCode> {
    let tea = shop.tea(id).await.ok_or(StatusCode::NOT_FOUND)?;
    work.rendered();
    Ok(Html(format!("{} {}", escaped(&tea.name), price(tea.cents))))
}

/// A browser keeps it for good, as a new version has another URL.
async fn picture(work: Work, State(shop): State<Shop>, Path(id): Path<u64>) -> Result<impl IntoResponse, StatusCode> {
    let Tea { colour, version, .. } = shop.tea(id).await.ok_or(StatusCode::NOT_FOUND)?;
    work.rendered();
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 80'>\
         <path d='M10 20h64v20a32 32 0 0 1-64 0z' fill='{colour}'/>\
         <path d='M74 26h6a9 9 0 0 1 0 18h-8' fill='none' stroke='{colour}' stroke-width='5'/>\
         <text x='42' y='46' font-family='sans-serif' font-size='16' fill='#fff' text-anchor='middle'>v{version}</text></svg>"
    );
    Ok(([(CONTENT_TYPE, "image/svg+xml")], svg))
}

/// For another tab: a form for each tea.
async fn edit(work: Work, State(shop): State<Shop>) -> Html<String> {
    let teas = shop.teas().await;
    work.rendered();
    let form = |Tea { id, name, cents, version, .. }: Tea| {
        let name = escaped(&name);
        format!(
            "<form method=post action=/teas/{id}><input name=name value='{name}' required>\
             <input name=cents type=number min=0 value={cents}> cents <button>Save</button> version {version}</form>"
        )
    };
    let forms: String = teas.into_iter().map(form).collect();
    Html(include_str!("pages/edit.html").replace("<!-- forms -->", &forms))
}

#[derive(Deserialize)]
struct Change {
    name: String,
    cents: u64,
}

/// Another method than GET and HEAD: left alone.
async fn change(
    _: Work,
    State(shop): State<Shop>,
    Path(id): Path<u64>,
    Form(change): Form<Change>,
) -> Result<Redirect, StatusCode> {
    shop.change(id, &change.name, change.cents).await.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Redirect::to("/edit"))
}

fn price(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A text, as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&#39;").replace('"', "&quot;")
}

impl FromRef<Service> for Shop {
    fn from_ref(service: &Service) -> Self {
        service.shop.clone()
    }
}

impl FromRef<Service> for Record {
    fn from_ref(service: &Service) -> Self {
        service.record.clone()
    }
}
