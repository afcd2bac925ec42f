//! A shop behind a CDN: Varnish keeps its pages until an event purges them.
//!
//! `cargo run --example edge` starts Varnish in front of a service on loopback, and prints what a reader sees at the edge: many reads for one fetch, an update, the race of an event with a fetch that is under way,
//! and purges that do not come through. `cargo run --example edge -- --serve` serves a page for your own browser: the origin and the edge side by side. Varnish is installed with
//! `apt-get install varnish varnish-modules`.
//!
//! | to read | file |
//! |---|---|
//! | the annotated functions | `shop.rs` |
//! | the routes that a CDN keeps | `routes.rs` |
//! | Varnish, its configuration, and the purger | `edge.rs` |
//! | what sends purges, and tells of them | `purges.rs` |
//! | the show | `show.rs`, `reader.rs` |
//! | the page for a browser | `panel.rs`, `pages/panel.html` |

#![allow(unreachable_pub, reason = "`pub` says what a module offers to the others of this program")]

mod edge;
mod panel;
mod purges;
mod reader;
mod routes;
mod shop;
mod show;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::sync::Arc;

use cachemacro_servers::Varnish;
use clap::Parser;

use crate::edge::Edge;

/// Why the program ends early.
type Failure = Box<dyn Error + Send + Sync>;

/// A shop whose pages Varnish keeps until an event purges them.
#[derive(Parser)]
#[command(name = "edge")]
struct Arguments {
    /// Serve a page for your own browser until Ctrl-C.
    #[arg(long)]
    serve: bool,
    /// The port of that page, on 127.0.0.1; 0 is any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if !Varnish::is_installed() {
        return Err("Varnish is not installed: `apt-get install varnish varnish-modules`".into());
    }
    let edge = Edge::start().await?;
    println!("The origin is http://{}/teas, the edge http://{}/teas", edge.origin, edge.address());
    if arguments.serve {
        let address = panel::serve(arguments.port, Arc::new(edge)).await?;
        println!("http://{address}/     # both side by side. Ctrl-C ends");
        tokio::signal::ctrl_c().await?;
        return Ok(());
    }
    show::all(&edge).await
}
