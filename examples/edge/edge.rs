//! Varnish in front of the origin, and the ways between them, which can be slow or cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use cachemacro::http::edge::{Purger, TagKey, Varnish};
use cachemacro::strategy::Layer;
use cachemacro::{Cache, strategy};
use cachemacro_servers::{Faults, Proxy};
use tokio::net::TcpListener;

use crate::Failure;
use crate::purges::Purges;
use crate::reader::Reader;
use crate::routes::{self, Answered, DETAIL};
use crate::shop::Shop;

/// The longest time of a fetch: the three of the backend below.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// A shop, and Varnish in front of it.
pub struct Edge {
    pub shop: Shop,
    pub purger: Purger,
    pub purges: Purges,
    /// How many requests of Varnish the origin has answered.
    pub answered: Answered,
    pub origin: SocketAddr,
    varnish: cachemacro_servers::Varnish,
    /// From Varnish to the origin.
    fetches: Proxy,
    /// From the purger to Varnish.
    calls: Proxy,
}

impl Edge {
    pub async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = listener.local_addr()?;
        let fetches = Proxy::start(origin.port());
        let vcl = vcl(fetches.port());
        let varnish = tokio::task::spawn_blocking(move || cachemacro_servers::Varnish::start(&vcl)).await?;
        let calls = Proxy::start(varnish.port());

        let purges = Purges::new();
        let cdn = Varnish::at(format!("http://127.0.0.1:{}", calls.port())).fetch_timeout(FETCH_TIMEOUT);
        let purger = Purger::builder(TagKey::new("teas")).cdn(cdn).client(purges.clone()).start()?;
        let shop = Shop::new(Cache::builder().namespace("teas").edge(purger.clone()).build());

        let answered = Answered::default();
        let router = routes::router(shop.clone(), &purger, answered.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { shop, purger, purges, answered, origin, varnish, fetches, calls })
    }

    /// Where readers go.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.varnish.port()).into()
    }

    pub fn reader(&self) -> Reader {
        Reader::new(self.address())
    }

    /// What the strategy says of the page of a tea: after an event, and whatever is lost.
    pub fn bounds() -> (Duration, Duration) {
        let strategy = strategy();
        let edge = strategy.route(DETAIL).and_then(|route| route.layer(Layer::Edge)).expect("it is public");
        (edge.after_event.expect("it has events"), edge.max_staleness)
    }

    /// Each answer of the origin takes so much longer to Varnish.
    pub fn delay_answers(&self, delay: Duration) {
        self.fetches.set(Faults { delay_answers: delay, ..Faults::default() });
    }

    /// Whether purges come through to Varnish.
    pub fn lets_purges_through(&self, lets: bool) {
        self.calls.set(Faults { refuses: !lets, ..Faults::default() });
        if !lets {
            self.calls.drop_connections();
        }
    }

    /// Whether Varnish reaches the origin.
    #[cfg(test)]
    pub fn lets_fetches_through(&self, lets: bool) {
        self.fetches.set(Faults { refuses: !lets, ..Faults::default() });
        if !lets {
            self.fetches.drop_connections();
        }
    }

    #[cfg(test)]
    pub fn restart_varnish(&mut self) {
        tokio::task::block_in_place(|| self.varnish.restart());
    }

    /// Waits until each event so far has had its last purge.
    pub async fn all_purged(&self) {
        self.purger.done(self.purger.moved([])).await;
    }
}

/// `Varnish::VCL`, behind the backend with the time of a fetch, and what readers of these pages need not have sent.
fn vcl(origin: u16) -> String {
    format!(
        r#"vcl 4.1;
backend default {{
    .host = "127.0.0.1"; .port = "{origin}";
    .connect_timeout = 0.5s; .first_byte_timeout = 2s; .between_bytes_timeout = 0.5s;
}}
sub vcl_recv {{
    # With a cookie Varnish would ask the origin each time. These pages are the same for all.
    if (req.url ~ "^/teas") {{ unset req.http.Cookie; }}
}}
sub vcl_deliver {{
    if (obj.hits > 0) {{ set resp.http.X-Cache = "hit"; }} else {{ set resp.http.X-Cache = "miss"; }}
}}
{}"#,
        Varnish::VCL
    )
}
