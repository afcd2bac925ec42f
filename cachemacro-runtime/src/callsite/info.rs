//! The annotation `#[cached]` of a function, as constants of the binary.

use crate::event::EventInfo;
use crate::policy::{Mode, Policy};

/// An event that moves the entries of a cached function.
#[derive(Clone, Copy, Debug)]
pub struct EventUse {
    /// The event.
    pub event: &'static EventInfo,
    /// Which of its templates the function depends on.
    pub aggregates: &'static [&'static str],
    /// The binding as written, `org_id = org`.
    pub binding: &'static str,
    /// The fields that must carry what a part of the key computes, and how it does.
    pub carries: &'static [(&'static str, &'static str)],
}

/// The annotation `#[cached]` of a function.
#[derive(Clone, Copy, Debug)]
pub struct CallsiteInfo {
    /// The name after `fn`.
    pub name: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// The path of a closure in the function's static: with the types of its `impl`, which `module` does not have.
    pub path: fn() -> &'static str,
    /// The value of `name = …`.
    pub shared_name: Option<&'static str>,
    /// `file!()`.
    pub file: &'static str,
    /// `line!()`.
    pub line: u32,
    /// The key template as written.
    pub template: &'static str,
    /// The return type as written.
    pub returns: &'static str,
    /// The full name of the value type. `None` if the type as written may name a generic parameter.
    pub value_type: Option<fn() -> &'static str>,
    /// Where the version comes from.
    pub mode: Mode,
    /// The events that move its entries.
    pub events: &'static [EventUse],
    /// The reason of `ttl_only`.
    pub ttl_only: Option<&'static str>,
    /// Its timing.
    pub policy: Policy,
    /// The TTLs that are constants of a type, as written: `hard_ttl = Self::TTL`. In `policy` they are the longest there are.
    pub ttls_of_type: Option<&'static str>,
    /// Whether `policy` has these TTLs: of the type that the function was first called with.
    pub knows_type: bool,
    /// The TTLs that each load computes: the attributes, and their values as written. In `policy` are their bounds.
    pub computed_ttls: &'static [(&'static str, &'static str)],
    /// Which of its calls go past the cache.
    pub bypass: Bypass,
    /// The `let`s of the annotation: their names, and their expressions as written.
    pub lets: &'static [(&'static str, &'static str)],
    /// The task-locals of `context(…)`.
    pub context: &'static [TaskLocalUse],
    /// Which of its errors are absences.
    pub absent: Option<AbsentError>,
    /// The expression after `cache =`, as written.
    pub cache: Option<&'static str>,
}

/// A task-local of `context(…)`.
#[derive(Clone, Copy, Debug)]
pub struct TaskLocalUse {
    /// Its path, as written.
    pub name: &'static str,
    /// Whether it is a part of the key. Else it is skipped.
    pub in_key: bool,
    /// Whether an event is bound to it: calls without it go past the cache.
    pub is_bound: bool,
}

/// Which errors of a function are absences, and what a hit of one returns.
#[derive(Clone, Copy, Debug)]
pub struct AbsentError {
    /// The value of `not_found`, as written.
    pub recognised_by: &'static str,
    /// The expression that makes the error of a hit, as written.
    pub made_by: &'static str,
}

impl CallsiteInfo {
    /// A function in row mode, without a name: the fields that an annotation or a test leaves out.
    pub const BASE: Self = Self {
        name: "find",
        module: module_path!(),
        path: || concat!(module_path!(), "::find"),
        shared_name: None,
        file: file!(),
        line: line!(),
        template: "<key>",
        returns: "u64",
        value_type: None,
        mode: Mode::Row,
        events: &[],
        ttl_only: None,
        policy: Policy::BASE,
        ttls_of_type: None,
        knows_type: false,
        computed_ttls: &[],
        bypass: Bypass::NONE,
        lets: &[],
        context: &[],
        absent: None,
        cache: None,
    };
}

/// Which calls of a cached function go past the cache: those in a transaction, or on a connection that may be in one.
#[derive(Clone, Copy, Debug)]
pub struct Bypass {
    /// The expression after `bypass_if =`, as written.
    pub condition: Option<&'static str>,
    /// Arguments that may be connections, as written: `ex: E`. Their types decide at each call.
    pub executors: &'static [&'static str],
    /// Why every call does: an argument is a connection, the body uses one, or the condition is constant.
    pub always: Option<&'static str>,
    /// What to write instead, if it is not in a transaction.
    pub remedy: Option<&'static str>,
    /// The other arguments whose types can be named outside of the function.
    pub arguments: &'static [LookedAt],
}

/// An argument whose type decides, when the function is called.
#[derive(Clone, Copy, Debug)]
pub struct LookedAt {
    /// Its type.
    pub argument: Argument,
    /// Whether it is a unique borrow, which may hold a connection unless its type is known not to.
    pub is_unique: bool,
    /// What to write in the annotation, if it is not in a transaction.
    pub remedy: &'static str,
}

impl Bypass {
    /// No call goes past the cache.
    pub const NONE: Self = Self { condition: None, executors: &[], always: None, remedy: None, arguments: &[] };
}

/// Returns the name of an argument's type. It is a function because names of types are not constants.
#[derive(Clone, Copy, Debug)]
pub struct Argument(pub fn() -> &'static str);
