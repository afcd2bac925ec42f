//! One process of the service: atlas, with one line more in the builder of its cache.

use std::net::{Ipv4Addr, SocketAddr};

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheMode, Memory};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::net::TcpListener;

use crate::drive::stampede;
use crate::report::say;
use crate::repository::Atlas;
use crate::{Failure, Shared, api, data};

/// How many tasks of each process ask at once when it is told to.
pub const CALLERS: usize = 250;

/// The order that starts them, and the same without the cache.
pub const STAMPEDE: &str = "stampede";
pub const UNCACHED_STAMPEDE: &str = "stampede uncached";

/// What atlas' `main` does, and `.shared(…)`.
pub fn install_cache(shared: &Shared) -> Result<(), Failure> {
    Cache::builder()
        .namespace(&shared.namespace)
        .memory(Memory::entries(100_000))
        .shared(Redis::url(&shared.redis)?)
        .build()
        .install()?;
    Ok(())
}

/// Serves, prints the address, and obeys the orders on standard input until it is closed: the end of the process that
/// gave them, however it ended, ends this one.
pub async fn serve(shared: &Shared, port: u16) -> Result<(), Failure> {
    install_cache(shared)?;
    let atlas = Atlas::new(data::open(&shared.db).await?);
    say!("{}", listen(port, atlas.clone()).await?);
    let mut orders = BufReader::new(stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        let mode = match order.as_str() {
            STAMPEDE => CacheMode::Default,
            UNCACHED_STAMPEDE => CacheMode::Bypass,
            _ => return Err(format!("unknown order: {order}").into()),
        };
        say!("{}", stampede(&atlas, CALLERS, mode).await?.as_micros());
    }
    Ok(())
}

async fn listen(port: u16, atlas: Atlas) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, api::router(atlas)).await });
    Ok(address)
}
