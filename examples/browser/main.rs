//! What each request of a page was answered, in a real browser.
//!
//! `cargo run --example browser` serves a shop on loopback, opens it in two tabs of Chromium, reads, writes, reads again, and prints what each request was answered. Without
//! Chromium a client asks that remembers tags. `cargo run --example browser -- --serve` only serves, for your own browser.
//!
//! | to read | file |
//! |---|---|
//! | the annotated functions | `shop.rs` |
//! | the routes: one for each kind of answer | `routes.rs` |
//! | the pages | `pages/shop.html`, `pages/edit.html` |
//! | how an answer comes to the panel | `record.rs` |
//! | the show | `show.rs`, `client.rs` |

#![allow(unreachable_pub, reason = "`pub` says what a module offers to the others of this program")]

mod client;
mod record;
mod routes;
mod shop;
mod show;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use cachemacro_servers::Chromium;
use clap::Parser;
use tokio::net::TcpListener;

use crate::record::Record;
use crate::shop::Shop;

/// Why the program ends early.
type Failure = Box<dyn Error + Send + Sync>;

/// A shop whose pages show what each request was answered: by the service, or by the browser's own cache.
#[derive(Parser)]
#[command(name = "browser")]
struct Arguments {
    /// Serve until Ctrl-C, for your own browser.
    #[arg(long)]
    serve: bool,
    /// The port to listen on, on 127.0.0.1; 0 is any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let record = Record::new();
    let address = serve(arguments.port, record.clone()).await?;
    if arguments.serve {
        println!("http://{address}/     # the shop; change a price in another tab. Ctrl-C ends");
        tokio::signal::ctrl_c().await?;
    } else if Chromium::is_installed() {
        tokio::task::spawn_blocking(move || show::in_two_tabs(address)).await?;
    } else {
        show::with_a_client(address, record.subscribe()).await?;
    }
    Ok(())
}

/// Serves the shop on loopback, in the background.
async fn serve(port: u16, record: Record) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let router = routes::router(Shop::new(), record);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
