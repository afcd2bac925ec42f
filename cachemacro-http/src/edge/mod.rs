//! What CDNs keep, and how they are told that it is old.
//!
//! A response carries a [`Tag`] for each aggregate that it is made of. When an aggregate has moved, a [`Purger`] purges its tag:
//!
//! ```no_run
//! use std::time::Duration;
//! use cachemacro_http::edge::{Fastly, Purger, TagKey};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let fastly = Fastly::service("SU1Z0isxPaozGVKXdv0eY")
//!     .token_from_env("FASTLY_API_TOKEN")
//!     .fetch_timeout(Duration::from_secs(10));
//! let purger = Purger::builder(TagKey::new("shop")).cdn(fastly).start()?;
//!
//! let ticket = purger.moved(["user:7", "city:3"]);
//! purger.done(ticket).await; // each has had its last purge
//! # Ok(())
//! # }
//! ```
//!
//! **Twice.** A fetch that has read the old row when the purge comes stores it afterwards. So each purge is repeated after the CDN's fetch timeout, which is set at the CDN and told here; with a shield, which fetches for the other
//! servers, it is repeated twice.
//!
//! **How long it takes.** [`Purger::bound`] says within which time a purge is done, however many events there are, if the CDN answers. If it does not answer, it serves what it has for the time that the response's headers
//! allow; the purges wait, and are sent when it answers again. [`Purger::stats`] says so, as do metrics and one line of the log.
//!
//! **Any CDN.** [`Cdn`] is what a vendor is, and [`EdgeClient`] what sends the requests.

mod answer;
mod bound;
mod cdn;
#[cfg(feature = "edge")]
mod client;
mod date;
#[cfg(feature = "edge")]
mod following;
mod headers;
#[cfg(feature = "edge-client")]
mod https;
#[cfg(feature = "edge")]
mod lane;
#[cfg(feature = "edge")]
mod log;
#[cfg(feature = "edge")]
mod purger;
#[cfg(feature = "edge")]
mod queue;
#[cfg(feature = "edge")]
mod rate;
mod secret;
mod tag;
mod vendor;

pub use answer::Answer;
pub use bound::QueueBound;
pub use cdn::{Cdn, EdgeError, Limits, Purging, TagHeader};
#[cfg(feature = "edge")]
#[cfg_attr(docsrs, doc(cfg(feature = "edge")))]
pub use client::{ClientError, EdgeClient, Sending};
#[cfg(feature = "edge")]
#[cfg_attr(docsrs, doc(cfg(feature = "edge")))]
pub use following::Following;
pub use headers::EdgeHeaders;
#[cfg(feature = "edge-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "edge-client")))]
pub use https::HttpsClient;
#[cfg(feature = "edge")]
#[cfg_attr(docsrs, doc(cfg(feature = "edge")))]
pub use lane::PurgeStats;
#[cfg(feature = "edge")]
#[cfg_attr(docsrs, doc(cfg(feature = "edge")))]
pub use purger::{ForClears, Purger, PurgerBuilder, Unfinished};
#[cfg(feature = "edge")]
#[cfg_attr(docsrs, doc(cfg(feature = "edge")))]
pub use queue::{Call, Moved, Next, Outcome, Queue, QueueStats, Ticket};
pub use tag::{Tag, TagKey, kind_of};
pub use vendor::{Cloudflare, Fastly, Plan, Varnish};
