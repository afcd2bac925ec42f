//! Where a group goes on if the server loses it.

use super::entry::EntryId;

/// The position up to which a group has settled everything, and the incarnation of the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SettledPosition {
    incarnation: String,
    id: EntryId,
}

/// The state of the stream and of the group on the server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct GroupState {
    pub(crate) incarnation: String,
    /// The last entry of the stream.
    pub(crate) last: Option<EntryId>,
    /// The last entry that was delivered to the group; `None` if there is no group.
    pub(crate) delivered: Option<EntryId>,
    pub(crate) oldest_pending: Option<EntryId>,
}

impl GroupState {
    /// The position up to which everything is settled: pending entries, and entries that were not delivered, come after
    /// it.
    pub(crate) fn settled(&self) -> Option<SettledPosition> {
        let delivered = self.delivered?;
        let settled = self.oldest_pending.map_or(delivered, |pending| pending.before().min(delivered));
        Some(SettledPosition { incarnation: self.incarnation.clone(), id: settled })
    }
}

/// The id at which a lost group continues. In another incarnation of the stream, or if the stream ends before that position, the
/// old ids do not apply, and all entries in it are new.
pub(crate) fn resume(settled: &SettledPosition, group: &GroupState) -> EntryId {
    match group.last {
        Some(last) if group.incarnation == settled.incarnation && settled.id <= last => settled.id,
        _ => EntryId::FIRST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<EntryId> {
        EntryId::parse(text)
    }

    fn group(last: &str, delivered: &str, oldest_pending: &str) -> GroupState {
        GroupState {
            incarnation: "a".to_owned(),
            last: id(last),
            delivered: id(delivered),
            oldest_pending: id(oldest_pending),
        }
    }

    #[test]
    fn the_settled_position_is_below_all_that_is_not_settled() {
        let settled = |group: GroupState| group.settled().map(|settled| settled.id.to_string());
        assert_eq!(settled(group("9-0", "7-0", "")).as_deref(), Some("7-0"));
        assert_eq!(settled(group("9-0", "7-0", "5-1")).as_deref(), Some("5-0"));
        assert_eq!(settled(group("9-0", "0-0", "")).as_deref(), Some("0-0"));
        assert_eq!(settled(group("9-0", "", "")), None, "there is no group");
    }

    #[test]
    fn a_lost_group_goes_on_where_it_was_if_the_stream_is_still_the_same() {
        let settled = group("9-0", "7-0", "").settled().expect("a group");
        assert_eq!(resume(&settled, &group("12-0", "", "")).to_string(), "7-0");
        assert_eq!(resume(&settled, &group("7-0", "", "")).to_string(), "7-0");
        assert_eq!(resume(&settled, &group("", "", "")), EntryId::FIRST, "the stream is gone");
        assert_eq!(resume(&settled, &group("6-0", "", "")), EntryId::FIRST, "it went back");
        let another = GroupState { incarnation: "b".to_owned(), ..group("12-0", "", "") };
        assert_eq!(resume(&settled, &another), EntryId::FIRST);
    }
}
