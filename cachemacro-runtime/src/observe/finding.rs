//! Findings: problems that are seen only at run time. A use of the cache is wrong, or prevents that a function is
//! cached.

use std::collections::BTreeMap;
use std::fmt;

use super::log;
use crate::callsite::{Callsite, Instance, Writer};
use crate::util::sync::{Mutex, lock};

/// The most findings that are kept; there is one for each function and kind.
const MOST: usize = 1024;

/// A problem of a cached function that was noticed at run time: something is wrong, or its values are not cached.
///
/// ```
/// let cache = cachemacro::Cache::builder().build();
/// for finding in cache.findings() {
///     eprintln!("{finding}");
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The name of the function, for example `find`.
    pub function: &'static str,
    /// Its module, for example `shop::users`.
    pub module: &'static str,
    /// The kind of the problem.
    pub kind: FindingKind,
    /// What was observed, and what to do about it.
    pub message: String,
}

/// What a [`Finding`] is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum FindingKind {
    /// A value changes when it is encoded and decoded: a reader of a shared store would get another value than was
    /// loaded.
    ChangedByCodec,
    /// No codec can encode a value, so it is never stored outside the process.
    NotCarried,
    /// The value type has neither `PartialEq` nor `Debug`. So it is not noticed if its encoding leaves out a field:
    /// readers of a shared store would get the default of that field.
    NotCompared,
    /// A load called another cached function, and the calling function does not bind all events of that function.
    MissingBinding,
    /// A transaction or a connection was passed to a function whose signature does not show it: the type is an alias,
    /// or a type parameter of a generic function.
    TransactionArgument,
    /// Two functions would have the same name in a shared store.
    SharedName,
    /// A writer was cancelled or panicked, and its events depend on the value that it would have returned.
    UnfinishedWriter,
    /// A scheduled job, an `#[invalidates(…, every = "24h")]`, has not succeeded for one and a half times its interval, and none of its
    /// events came from another process. The finding ends when the job succeeds. It is of this process.
    OverdueJob,
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChangedByCodec => "a value changes on its way through the codec",
            Self::NotCarried => "no codec carries a value",
            Self::NotCompared => "values cannot be compared",
            Self::MissingBinding => "an event is missing",
            Self::TransactionArgument => "a transaction is an argument",
            Self::SharedName => "two functions share a name",
            Self::UnfinishedWriter => "a writer did not come to its end",
            Self::OverdueJob => "a scheduled job is overdue",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}: {}: {}", self.module, self.function, self.kind, self.message)
    }
}

/// The subject of a finding: a function, or one instance of a generic function.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    address: usize,
    function: &'static str,
    module: &'static str,
}

impl From<&'static Callsite> for Subject {
    fn from(site: &'static Callsite) -> Self {
        Self { address: site.identity(), function: site.info().name, module: site.info().module }
    }
}

impl From<&'static Instance> for Subject {
    fn from(instance: &'static Instance) -> Self {
        Self { address: std::ptr::from_ref(instance).addr(), ..Self::from(instance.site) }
    }
}

impl From<&'static Writer> for Subject {
    fn from(writer: &'static Writer) -> Self {
        let info = writer.info();
        Self { address: std::ptr::from_ref(writer).addr(), function: info.name, module: info.module }
    }
}

/// The findings of one cache. A hit neither reads nor reports them.
#[derive(Default)]
pub(crate) struct Findings {
    known: Mutex<BTreeMap<(usize, FindingKind), Finding>>,
}

impl Findings {
    /// Adds a finding and logs a warning, unless the subject already has a finding of this kind.
    pub(crate) fn report(&self, subject: impl Into<Subject>, kind: FindingKind, message: impl FnOnce() -> String) {
        let Subject { address, function, module } = subject.into();
        let key = (address, kind);
        let is_needed = |known: &BTreeMap<_, _>| known.len() < MOST && !known.contains_key(&key);
        if !is_needed(&lock(&self.known)) {
            return;
        }
        // Built before the lock: the message may call a user's `Debug`.
        let finding = Finding { function, module, kind, message: message() };
        let mut known = lock(&self.known);
        if is_needed(&known) {
            log::found(function, module, &kind, &finding.message);
            known.insert(key, finding);
        }
    }

    /// All of them, and those that are true at this moment, ordered by module, function and kind.
    pub(crate) fn read(&self, at_present: Vec<Finding>) -> Vec<Finding> {
        let mut all = at_present;
        all.extend(lock(&self.known).values().cloned());
        all.sort_by(|a, b| (a.module, a.function, a.kind, &a.message).cmp(&(b.module, b.function, b.kind, &b.message)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callsite::site::tests::site;

    #[test]
    fn a_function_has_one_finding_of_a_kind() {
        let (find, list) = (site("find"), site("list"));
        let findings = Findings::default();
        findings.report(list, FindingKind::NotCarried, || "first".to_owned());
        findings.report(list, FindingKind::NotCarried, || panic!("the second message is not made"));
        findings.report(list, FindingKind::ChangedByCodec, || "another kind".to_owned());
        findings.report(find, FindingKind::NotCarried, || "another function".to_owned());
        let read: Vec<_> = findings.read(Vec::new()).into_iter().map(|found| (found.function, found.message)).collect();
        let expected = [("find", "another function"), ("list", "another kind"), ("list", "first")];
        assert_eq!(read, expected.map(|(function, message)| (function, message.to_owned())));
    }

    #[test]
    fn findings_are_bounded() {
        let findings = Findings::default();
        for _ in 0..MOST + 8 {
            findings.report(site("find"), FindingKind::NotCarried, String::new);
        }
        assert_eq!(findings.read(Vec::new()).len(), MOST);
    }

    #[test]
    fn a_finding_says_where_what_and_why() {
        let findings = Findings::default();
        findings.report(site("find"), FindingKind::NotCarried, || "because".to_owned());
        assert_eq!(findings.read(Vec::new())[0].to_string(), "shop::users::find: no codec carries a value: because");
    }
}
