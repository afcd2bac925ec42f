//! One annotated function, as the binary knows it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::instance::Instances;
use crate::event::{EventInfo, EventKind};
use crate::policy::{Mode, Policy};
/// An event that moves the entries of a cached function.
#[derive(Clone, Copy, Debug)]
pub struct EventUse {
    /// The event.
    pub event: &'static EventInfo,
    /// Which of its templates the function hangs on.
    pub aggregates: &'static [&'static str],
    /// The binding as written, `org_id = org`.
    pub binding: &'static str,
}

/// What `#[cached]` says of a function.
#[derive(Clone, Copy, Debug)]
pub struct SiteInfo {
    /// The name after `fn`.
    pub name: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// The path of a closure in the function's static: with the types of its `impl`, which `module` does not have.
    pub path: fn() -> &'static str,
    /// What `name = …` says.
    pub shared_name: Option<&'static str>,
    /// `file!()`.
    pub file: &'static str,
    /// `line!()`.
    pub line: u32,
    /// The key template as written.
    pub template: &'static str,
    /// The return type as written.
    pub returns: &'static str,
    /// The name of the value type, where it can be named outside the function.
    pub value_type: Option<fn() -> &'static str>,
    /// Where the version comes from.
    pub mode: Mode,
    /// The events that move its entries.
    pub events: &'static [EventUse],
    /// Why there are none.
    pub ttl_only: Option<&'static str>,
    /// Its timing.
    pub policy: Policy,
    /// Which of its calls go past the cache.
    pub bypass: Bypass,
    /// The expression after `cache =`, as written.
    pub cache: Option<&'static str>,
}

/// Which calls of a cached function go past the cache: those in a transaction, or on a connection that may be in one.
#[derive(Clone, Copy, Debug)]
pub struct Bypass {
    /// The expression after `bypass_if =`, as written.
    pub condition: Option<&'static str>,
    /// Arguments that may be connections, as written: `ex: E`. Their types decide, call by call.
    pub executors: &'static [&'static str],
    /// Why every call does: an argument that is a connection, what the body uses, or the condition.
    pub always: Option<&'static str>,
    /// What to write instead, where that is in no transaction.
    pub remedy: Option<&'static str>,
    /// The other arguments, of those whose types can be named outside of the function.
    pub arguments: &'static [LookedAt],
}

/// An argument whose type decides, when the function is called.
#[derive(Clone, Copy, Debug)]
pub struct LookedAt {
    /// Its type.
    pub argument: Argument,
    /// Whether it is a unique borrow, which may hold a connection unless its type is known not to.
    pub is_unique: bool,
    /// What to write in the annotation, where it is in no transaction.
    pub remedy: &'static str,
}

impl Bypass {
    /// No call that says nothing.
    pub const NONE: Self = Self { condition: None, executors: &[], always: None, remedy: None, arguments: &[] };
}

/// A cached function. Its address is its identity.
#[derive(Debug)]
pub struct Site {
    pub(super) info: SiteInfo,
    /// Its place in the counters of every cache.
    pub(super) index: OnceLock<usize>,
    pub(super) rotates: OnceLock<bool>,
    pub(super) instances: Instances,
}

static NEXT_INDEX: AtomicUsize = AtomicUsize::new(0);

impl Site {
    /// A site with this annotation.
    #[must_use]
    pub const fn new(info: SiteInfo) -> Self {
        Self { info, index: OnceLock::new(), rotates: OnceLock::new(), instances: Instances::new() }
    }

    /// The annotation.
    #[must_use]
    pub const fn info(&self) -> &SiteInfo {
        &self.info
    }

    pub(crate) const fn policy(&self) -> &Policy {
        &self.info.policy
    }

    pub(crate) fn identity(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(crate) fn index(&self) -> usize {
        *self.index.get_or_init(|| NEXT_INDEX.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether the database may use a version number of this function's aggregates twice (docs/protocol.md, the reused profile).
    /// Then every event ends what carries no version of its own: opaque values, but also the absences of row mode, and what
    /// hangs on an aggregate that is not the entry's first.
    pub(crate) fn rotates(&self) -> bool {
        *self.rotates.get_or_init(|| {
            // Without events an entry hangs on its own key, which may have an event's shape.
            let own = self.info.events.is_empty().then_some(&self.info.template);
            let mut templates = self.info.events.iter().flat_map(|used| used.aggregates).chain(own);
            templates.any(|template| is_reused(template))
        })
    }
}

/// Whether some event in the binary rolls aggregates of this template back.
fn is_reused(template: &str) -> bool {
    let shape = template_shape(template);
    events().any(|info| info.kind == EventKind::RollsBack && info.keys.iter().any(|key| template_shape(key) == shape))
}

/// A template with its placeholders unnamed: two of one shape can render the same key.
pub(crate) fn template_shape(template: &str) -> String {
    let mut shape = String::with_capacity(template.len());
    let mut inside = false;
    for character in template.chars() {
        inside = match character {
            '<' => true,
            '>' => false,
            _ => inside,
        };
        if character == '<' || !(inside || character == '>') {
            shape.push(character);
        }
    }
    shape
}

/// What `#[invalidates]` is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A function that writes, and emits the event.
    Writes,
    /// A handler of an event that came from elsewhere.
    Handles,
}

/// What happens when an invalidation does not reach the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnError {
    /// It is retried in the background.
    Retry,
    /// As `Retry`, and until then this process does not trust its entries of that aggregate.
    Suspect,
    /// As `Suspect`, and the error reaches the caller, after the write.
    Fail,
    /// It is counted, and the TTL bounds the staleness.
    Bounded,
}

/// When what a writer wrote is committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// Before it returns: nothing shows otherwise.
    Shown,
    /// Before it returns, for this reason.
    Itself(&'static str),
    /// By its caller, who then publishes the events.
    Deferred,
}

/// The name of an argument's type. A function, as names of types are no constants.
#[derive(Clone, Copy, Debug)]
pub struct Argument(pub fn() -> &'static str);

/// What `#[invalidates]` says of a function.
#[derive(Clone, Copy, Debug)]
pub struct WriterInfo {
    /// The name after `fn`.
    pub name: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// `file!()`.
    pub file: &'static str,
    /// `line!()`.
    pub line: u32,
    /// The events it publishes.
    pub events: &'static [&'static EventInfo],
    /// Whether it writes or handles.
    pub role: Role,
    /// What happens when that fails.
    pub on_error: OnError,
    /// When the write is committed.
    pub commit: Commit,
    /// The types of its arguments, of those that can be named outside of it.
    pub arguments: &'static [Argument],
    /// The expression after `cache =`, as written.
    pub cache: Option<&'static str>,
}

/// A writer or handler.
#[derive(Debug)]
pub struct Writer {
    info: WriterInfo,
}

impl Writer {
    /// A writer with this annotation.
    #[must_use]
    pub const fn new(info: WriterInfo) -> Self {
        Self { info }
    }

    /// The annotation.
    #[must_use]
    pub const fn info(&self) -> &WriterInfo {
        &self.info
    }
}

/// A cached function in the registry.
#[derive(Clone, Copy, Debug)]
pub struct CachedFn(pub &'static Site);
/// A writer or handler in the registry.
#[derive(Clone, Copy, Debug)]
pub struct InvalidatesFn(pub &'static Writer);
/// An event in the registry.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredEvent(pub &'static EventInfo);

inventory::collect!(CachedFn);
inventory::collect!(InvalidatesFn);
inventory::collect!(RegisteredEvent);

/// All cached functions of the binary.
pub(crate) fn sites() -> impl Iterator<Item = &'static Site> {
    inventory::iter::<CachedFn>().map(|registered| registered.0)
}

/// All writers and handlers of the binary.
pub(crate) fn writers() -> impl Iterator<Item = &'static Writer> {
    inventory::iter::<InvalidatesFn>().map(|registered| registered.0)
}

/// All events of the binary.
pub(crate) fn events() -> impl Iterator<Item = &'static EventInfo> {
    inventory::iter::<RegisteredEvent>().map(|registered| registered.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::Refresh;

    /// A function of this name.
    pub(crate) fn site(name: &'static str) -> &'static Site {
        let policy = Policy {
            soft: None,
            hard: Duration::from_secs(60),
            negative: None,
            jitter: 0.0,
            early: None,
            stale_if_error: None,
            timeout: None,
            strict: true,
            refresh: Refresh::Inline,
            local: false,
        };
        Box::leak(Box::new(Site::new(SiteInfo {
            name,
            module: "shop::users",
            path: || "shop::users::find",
            shared_name: None,
            file: "users.rs",
            line: 1,
            template: "user:<id>",
            returns: "User",
            value_type: None,
            mode: Mode::Row,
            events: &[],
            ttl_only: None,
            policy,
            bypass: Bypass::NONE,
            cache: None,
        })))
    }

    #[test]
    fn shapes_forget_the_names_of_placeholders() {
        assert_eq!(template_shape("user:<id>:posts:<page.no>"), "user:<:posts:<");
        assert_eq!(template_shape("user:<id>"), template_shape("user:<user.id>"));
        assert_ne!(template_shape("user:<id>"), template_shape("users:<id>"));
    }
}
