//! The annotations' own words for modes, kinds and policies.

use crate::callsite::OnError;
use crate::event::EventKind;
use crate::policy::{Mode, OnOutage, Refresh};

/// A choice with a name.
pub(super) trait Label: Copy {
    fn label(self) -> &'static str;
}

impl Label for Mode {
    fn label(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Source => "source",
            Self::Opaque => "opaque",
        }
    }
}

impl Label for Refresh {
    fn label(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Inline => "inline",
        }
    }
}

impl Label for OnOutage {
    fn label(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::ServeLocal => "serve_local",
        }
    }
}

impl Label for OnError {
    fn label(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Suspect => "suspect",
            Self::Fail => "fail",
            Self::Bounded => "bounded",
        }
    }
}

impl Label for EventKind {
    fn label(self) -> &'static str {
        match self {
            Self::Versioned => "versioned",
            Self::Unversioned => "unversioned",
            Self::Restores => "restores",
            Self::RollsBack => "rolls back",
        }
    }
}
