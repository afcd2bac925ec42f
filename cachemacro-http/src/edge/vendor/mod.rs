//! The CDNs that this crate can purge.

mod cloudflare;
mod fastly;
mod varnish;

pub use cloudflare::{Cloudflare, Plan};
pub use fastly::Fastly;
pub use varnish::Varnish;

use super::tag::Tag;

/// `{"name":["tag","tag"]}`.
fn json_list(name: &str, tags: &[Tag]) -> String {
    let mut text = format!("{{\"{name}\":[");
    for (position, tag) in tags.iter().enumerate() {
        text.push_str(if position == 0 { "\"" } else { ",\"" });
        text.push_str(tag.as_str());
        text.push('"');
    }
    text.push_str("]}");
    text
}

/// The settings that all have, in the field `purging`.
macro_rules! purging_settings {
    () => {
        /// The longest time from when the CDN asks the origin to when it has stored the answer, as it is set there. Default: 10 seconds.
        ///
        /// Each purge is repeated after this time: the answer to a request that began before the purge is stored after it.
        #[must_use]
        pub fn fetch_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.purging.fetch_timeout = timeout;
            self
        }

        /// The CDN's servers fetch from one of them, which keeps copies too (shielding, tiered cache). Then each purge is repeated twice.
        #[must_use]
        pub fn shield(mut self) -> Self {
            self.purging.shield = true;
            self
        }
    };
}
use purging_settings;

#[cfg(test)]
mod tests;
