//! The names of a group's keys on the server. Like all key names, they do not change within a major version.
//!
//! ```text
//! {shop}:events            the stream that all groups and tiers read; the server keeps the groups' positions with it
//! {shop}:events:head       the incarnation of that stream
//! {shop}:retry:billing     dead letters that the group `billing` handles again
//! {shop}:dead:billing      its dead letters
//! ```

use super::entry::Source;

/// The names of a group. All are in one slot of a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GroupNames {
    pub(crate) group: String,
    pub(crate) events: String,
    pub(crate) head: String,
    pub(crate) replays: String,
    pub(crate) dead: String,
}

impl GroupNames {
    /// `events` is the key of the namespace's stream, `{shop}:events`.
    pub(crate) fn new(events: &str, group: &str) -> Self {
        let namespace = events.strip_suffix("events").unwrap_or(events);
        Self {
            group: group.to_owned(),
            events: events.to_owned(),
            head: format!("{events}:head"),
            replays: format!("{namespace}retry:{group}"),
            dead: format!("{namespace}dead:{group}"),
        }
    }

    pub(crate) fn stream(&self, source: Source) -> &str {
        match source {
            Source::Events => &self.events,
            Source::Replays => &self.replays,
        }
    }

    pub(crate) fn source(&self, stream: &[u8]) -> Option<Source> {
        Source::ALL.into_iter().find(|source| self.stream(*source).as_bytes() == stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_what_it_was() {
        let names = GroupNames::new("{shop}:events", "billing");
        assert_eq!(names.head, "{shop}:events:head");
        assert_eq!(names.replays, "{shop}:retry:billing");
        assert_eq!(names.dead, "{shop}:dead:billing");
        assert_eq!(names.source(b"{shop}:retry:billing"), Some(Source::Replays));
    }
}
