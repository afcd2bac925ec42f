//! A service over the cities of the world, whose repository functions are annotated caches.
//!
//! `cargo run --example atlas` loads the data, serves it on loopback, sends itself traffic and shows what the caches
//! did. `cargo run --example atlas -- --serve` only serves, for your own requests.
//!
//! | to read | file |
//! |---|---|
//! | the annotated functions | `repository.rs`, `writers.rs`, `handlers.rs` |
//! | what can move | `events.rs` |
//! | how stale each cache may get | `CACHING.md`, which the tests keep true |
//! | the service around them | `model.rs`, `data.rs`, `api.rs` |
//! | the show | `show/`, `drive/`, `report.rs` |

#![allow(unreachable_pub, reason = "`pub` says what a module offers to the others of this program")]

mod api;
mod data;
mod drive;
mod events;
mod handlers;
mod model;
mod report;
mod repository;
mod show;
#[cfg(test)]
mod tests;
mod world_map;
mod writers;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cachemacro::{Cache, Memory};
use clap::Parser;
use tokio::net::TcpListener;

use crate::drive::Client;
use crate::report::{say, thousands};
use crate::repository::Atlas;

/// Why the program ends early.
type Failure = Box<dyn Error + Send + Sync>;

/// A service over 34,006 cities with annotated caches, and a show of what they do.
#[derive(Parser)]
#[command(name = "atlas")]
struct Arguments {
    /// How long the traffic of the show lasts: a third without caches, a third while they fill, a third with them warm.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Serve until Ctrl-C, without the show.
    #[arg(long)]
    serve: bool,
    /// The port to listen on, on 127.0.0.1; 0 is any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let seconds = Duration::try_from_secs_f64(arguments.seconds).map_err(|_| "--seconds must be a time")?;

    // Without this an in-process cache of a default size would serve; here it gets a name and a bound of its own.
    Cache::builder().namespace("atlas").memory(Memory::entries(100_000)).build().install()?;

    let folder = tempfile::tempdir()?;
    let db = data::open(&folder.path().join("atlas.db")).await?;
    let (cities, countries) = data::load(&db).await?;
    let atlas = Atlas::new(db.clone());
    let address = serve(arguments.port, atlas.clone()).await?;
    say!(
        "atlas: {} cities in {countries} countries (GeoNames, CC BY 4.0) on http://{address}",
        thousands(cities as u64)
    );
    if arguments.serve {
        print_requests_to_try(address);
        tokio::signal::ctrl_c().await?;
    } else {
        show::run(atlas, Client::new(address), db, seconds).await?;
    }
    Ok(())
}

/// Serves the atlas on loopback, in the background.
async fn serve(port: u16, atlas: Atlas) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, api::router(atlas)).await });
    Ok(address)
}

fn print_requests_to_try(address: SocketAddr) {
    say!(
        "
Every answer tells in its `cache-status` header what the cache did, and in `cache-control` what a browser may do. Ctrl-C ends.

  curl -i http://{address}/cities/2950159                     # Berlin: twice, and the second is a hit
  curl -X PATCH -d '{{\"name\": \"Spree-Athen\"}}' http://{address}/cities/2950159
  curl -i http://{address}/cities/2950159                     # the new name and version, at once
  curl -i http://{address}/countries/DE/cities/Spree-Athen    # found by a name it just got
  curl -i http://{address}/countries/DE/largest?limit=3       # the list that it is in
  curl -X POST http://{address}/cities/2950159/restore?version=1
  curl -i http://{address}/cities/1                           # no such city: an absence is remembered, too
  curl -i http://{address}/world?cache=bypass                 # past the cache; `refresh` renews the entry
  curl http://{address}/map
  curl http://{address}/stats
  curl http://{address}/strategy"
    );
}
