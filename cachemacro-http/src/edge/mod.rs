//! What CDNs keep, and how they are told that it is old.
//!
//! A response carries a [`Tag`] for each aggregate that it is made of. An event of an aggregate purges its tag from the CDN.

mod answer;
mod cdn;
mod client;
mod date;
#[cfg(feature = "edge-client")]
mod https;
mod lane;
mod log;
mod purger;
mod queue;
mod rate;
mod secret;
mod tag;
mod vendor;

pub use answer::Answer;
pub use cdn::{Cdn, EdgeError, Limits, Purging, TagHeader};
pub use client::{ClientError, EdgeClient, Sending};
#[cfg(feature = "edge-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "edge-client")))]
pub use https::HttpsClient;
pub use lane::PurgeStats;
pub use purger::{Purger, PurgerBuilder, Unfinished};
pub use queue::{Call, Moved, Next, Outcome, Queue, QueueBound, QueueStats, Ticket};
pub use tag::{Tag, TagKey, kind_of};
pub use vendor::{Cloudflare, Fastly, Plan, Varnish};
