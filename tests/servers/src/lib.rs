//! Real servers and a browser for tests and examples: started on free loopback ports, in temporary folders, killed on drop.
//!
//! | type | is |
//! |---|---|
//! | [`Standalone`] | one server that can crash, forget, go back in time, hang |
//! | [`Sentinel`] | a primary, two replicas and three sentinels that fail over |
//! | [`Cluster`] | three primaries and three replicas that fail over, with live migration of slots |
//! | [`Proxy`] | a TCP proxy in front of a server, with faults that are switched while it runs |
//! | [`Varnish`] | a cache of responses in front of an origin |
//! | [`Chromium`] | a browser without a window, with tabs that run what they are told |
//!
//! ```
//! use cachemacro_servers::{Options, Standalone};
//!
//! let server = Standalone::start(Options::default());
//! server.command(&["SET", "greeting", "hello"])?;
//! assert_eq!(server.command(&["GET", "greeting"])?, "hello");
//! # Ok::<(), cachemacro_servers::Error>(())
//! ```
//!
//! A server is killed with everything it started, and its folder removed, when its value is dropped; and also when our
//! process ends in any other way: an abort, a SIGKILL, a value kept in a `static`.
//!
//! All calls block: a start takes some 20 ms, a failover seconds. Use `block_in_place` or `spawn_blocking` where something
//! else has to go on in the same thread meanwhile.

mod chromium;
mod cluster;
mod program;
mod proxy;
mod replication;
mod resp;
mod sentinel;
mod standalone;
mod varnish;
mod wait;

pub use chromium::{Chromium, Tab};
pub use cluster::{Cluster, Migration};
pub use program::is_installed;
pub use proxy::{Faults, Proxy};
pub use resp::Error;
pub use sentinel::Sentinel;
pub use standalone::{Options, Snapshot, Standalone};
pub use varnish::Varnish;
