//! What browsers may keep of responses that are made of cached values.
//!
//! [`CacheHeaders`] is a layer of [`tower`](https://docs.rs/tower) services, such as those of axum: one line gives every response the
//! `Cache-Control` and the `ETag` that its values allow. [`not_modified`] answers before a response is rendered.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod asked;
mod before;
mod body;
mod browser;
mod collector;
mod dependencies;
pub mod edge;
mod ends;
mod entry_state;
mod etag;
mod headers;
mod layer;
mod not_modified;
mod public_route;
mod scope;
mod settings;
mod told;
mod vary;
mod version;
mod versioned;

/// The page of the guide, whose examples need `axum`.
#[cfg(doctest)]
#[doc = include_str!("../../cachemacro/src/guide/http.md")]
mod guide {}

pub use body::ResponseBody;
pub use layer::{CacheHeadersService, ResponseFuture};
pub use not_modified::{NoBody, not_modified, not_modified_with};
pub use scope::{in_scope, in_scope_sync};
pub use settings::CacheHeaders;
pub use versioned::versioned;
