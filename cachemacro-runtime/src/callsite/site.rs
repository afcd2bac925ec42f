//! One annotated function, and its instances: a generic function has one for each set of types and constants.

use std::any::{TypeId, type_name};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::info::CallsiteInfo;
use super::origin::Name;
use crate::policy::Policy;

/// A cached function. Its address is its identity.
#[derive(Debug)]
pub struct Callsite {
    pub(super) info: CallsiteInfo,
    /// Its index in the counters of every cache.
    pub(super) index: OnceLock<usize>,
    pub(super) rotates: OnceLock<bool>,
    pub(super) goes_back: OnceLock<bool>,
    pub(super) instances: Instances,
    /// Whether a response was to be kept for good under a version of its row.
    pub(super) is_asked_for_lasting_versions: AtomicBool,
    /// The annotation with the TTLs of the first instance, for TTLs that are constants of a type.
    known: OnceLock<CallsiteInfo>,
}

static NEXT_INDEX: AtomicUsize = AtomicUsize::new(0);

impl Callsite {
    /// A function with this annotation.
    #[must_use]
    pub const fn new(info: CallsiteInfo) -> Self {
        Self {
            info,
            index: OnceLock::new(),
            rotates: OnceLock::new(),
            goes_back: OnceLock::new(),
            instances: Instances::new(),
            is_asked_for_lasting_versions: AtomicBool::new(false),
            known: OnceLock::new(),
        }
    }

    /// The annotation.
    #[must_use]
    pub const fn info(&self) -> &CallsiteInfo {
        &self.info
    }

    /// The annotation as the report tells it: with the TTLs of a type, once it is known.
    pub(crate) fn reported(&self) -> &CallsiteInfo {
        self.known.get().unwrap_or(&self.info)
    }

    /// Without the TTLs that are constants of a type: those are in [`Instance::policy`].
    pub(crate) const fn policy(&self) -> &Policy {
        &self.info.policy
    }

    pub(crate) fn identity(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(crate) fn index(&self) -> usize {
        *self.index.get_or_init(|| NEXT_INDEX.fetch_add(1, Ordering::Relaxed))
    }
}

/// One function, called with certain types and constants. Entries belong to an instance; two instances never share an entry.
///
/// It is never dropped, and neither is its callsite. So entries identify it by its address.
pub struct Instance {
    pub(crate) site: &'static Callsite,
    number: u32,
    /// The type of a closure in the function's body. It differs if any type or constant differs that the body can name.
    id: TypeId,
    /// The path of that closure.
    path: fn() -> &'static str,
    /// Its timing: that of the callsite, unless a TTL is a constant of the type.
    policy: &'static Policy,
    pub(super) name: OnceLock<Name>,
    /// Set once the instance is used with a shared store.
    pub(super) is_known_by_name: OnceLock<()>,
    pub(super) shares_name: AtomicBool,
    /// The texts of its key template before and behind the only part, once a key of one number or one text was written.
    around: OnceLock<[Box<[u8]>; 2]>,
    /// The next instance in the same bucket.
    next: OnceLock<&'static Self>,
}

impl Instance {
    fn new(site: &'static Callsite, id: TypeId, path: fn() -> &'static str, policy: Option<&'static Policy>) -> Self {
        if let Some(policy) = policy {
            site.known.get_or_init(|| CallsiteInfo { policy: *policy, knows_type: true, ..site.info });
        }
        let (number, policy) = (numbered(site), policy.unwrap_or_else(|| site.policy()));
        Self {
            site,
            number,
            id,
            path,
            policy,
            name: OnceLock::new(),
            is_known_by_name: OnceLock::new(),
            shares_name: AtomicBool::new(false),
            around: OnceLock::new(),
            next: OnceLock::new(),
        }
    }

    /// A number that no other instance in this process has.
    #[inline]
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// Its timing.
    #[inline]
    pub(crate) const fn policy(&self) -> &'static Policy {
        self.policy
    }

    /// As the compiler writes it.
    pub(super) fn path(&self) -> &'static str {
        (self.path)()
    }

    /// The texts before and behind the only part of its keys of one number or one text.
    pub(crate) fn around(&self) -> Option<&[Box<[u8]>; 2]> {
        self.around.get()
    }

    /// Keeps these texts. They are the same in all such keys of the instance.
    pub(crate) fn texts_around(&self) -> [&[u8]; 2] {
        self.around().map_or([&[]; 2], |[before, behind]| [before, behind])
    }

    pub(crate) fn keep_around(&self, texts: impl FnOnce() -> [Box<[u8]>; 2]) {
        self.around.get_or_init(texts);
    }

    /// A number that no other instance with the same name in this binary has.
    pub(crate) fn discriminator(&self) -> u64 {
        low(self.id)
    }
}

/// The functions of all instances, by the numbers of these.
static NUMBERED: Mutex<Vec<&'static Callsite>> = Mutex::new(Vec::new());

fn numbered(site: &'static Callsite) -> u32 {
    let mut sites = NUMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    sites.push(site);
    // Each instance is some hundred bytes that stay: there is no room for so many.
    u32::try_from(sites.len() - 1).expect("a process has fewer instances than 2^32")
}

/// The function of the instance with this number.
pub(crate) fn site_of(number: u32) -> Option<&'static Callsite> {
    NUMBERED.lock().unwrap_or_else(PoisonError::into_inner).get(number as usize).copied()
}

/// The number that a `TypeId` gives hash maps.
fn low(id: TypeId) -> u64 {
    #[derive(Default)]
    struct Low(u64);
    impl Hasher for Low {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        fn write_u64(&mut self, number: u64) {
            self.0 ^= number;
        }
    }
    let mut low = Low::default();
    id.hash(&mut low);
    low.finish()
}

/// All instances of one callsite: one, unless the function is generic. Instances are never removed, so readers need no lock.
/// Their number is not bounded: the buckets are lists.
pub(super) struct Instances {
    first: OnceLock<Instance>,
    others: OnceLock<Box<[OnceLock<&'static Instance>; BUCKETS]>>,
}

const BUCKETS: usize = 64;

impl Instances {
    pub(super) const fn new() -> Self {
        Self { first: OnceLock::new(), others: OnceLock::new() }
    }
}

impl Callsite {
    /// This function, called with the types and constants that are in scope where the closure was made.
    #[inline]
    pub fn instance<F>(&'static self, _: F) -> &'static Instance {
        self.instance_of(typeid::of::<F>(), type_name::<F>, None)
    }

    /// As [`Callsite::instance`], with the timing of the type.
    #[inline]
    pub fn instance_with<F>(&'static self, _: F, policy: &'static Policy) -> &'static Instance {
        self.instance_of(typeid::of::<F>(), type_name::<F>, Some(policy))
    }

    /// The instance of a function without parameters, for tests.
    #[cfg(test)]
    pub(crate) fn plain_instance(&'static self) -> &'static Instance {
        self.instance_of(TypeId::of::<()>(), self.info.path, None)
    }

    #[inline]
    fn instance_of(
        &'static self,
        id: TypeId,
        path: fn() -> &'static str,
        policy: Option<&'static Policy>,
    ) -> &'static Instance {
        match self.instances.first.get() {
            Some(first) if first.id == id => first,
            _ => self.find(id, path, policy),
        }
    }

    #[inline(never)]
    fn find(
        &'static self,
        id: TypeId,
        path: fn() -> &'static str,
        policy: Option<&'static Policy>,
    ) -> &'static Instance {
        let new = || Instance::new(self, id, path, policy);
        let first = self.instances.first.get_or_init(new);
        if first.id == id {
            return first;
        }
        let buckets = self.instances.others.get_or_init(|| Box::new([const { OnceLock::new() }; BUCKETS]));
        // The remainder is less than the number of buckets.
        let mut place = &buckets[(low(id) % BUCKETS as u64) as usize];
        loop {
            // The number is bounded by the instances that the compiler has made.
            let known = *place.get_or_init(|| Box::leak(Box::new(new())));
            if known.id == id {
                return known;
            }
            place = &known.next;
        }
    }
}

impl Callsite {
    /// All instances so far.
    pub(crate) fn instances(&'static self) -> Vec<&'static Instance> {
        let mut found: Vec<&'static Instance> = self.instances.first.get().into_iter().collect();
        for bucket in self.instances.others.get().iter().flat_map(|buckets| buckets.iter()) {
            found.extend(std::iter::successors(bucket.get().copied(), |instance| instance.next.get().copied()));
        }
        found
    }
}

impl fmt::Debug for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instances")
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A function of this name.
    pub(crate) fn site(name: &'static str) -> &'static Callsite {
        Box::leak(Box::new(Callsite::new(CallsiteInfo {
            name,
            module: "shop::users",
            path: || "shop::users::find",
            file: "users.rs",
            line: 1,
            template: "user:<id>",
            returns: "User",
            ..CallsiteInfo::BASE
        })))
    }

    #[test]
    fn one_type_has_one_instance_however_many_there_are() {
        let site = site("find");
        fn of<const N: usize>(site: &'static Callsite) -> [u32; 2] {
            [(); 2].map(|()| site.instance(|| ()).number())
        }
        let all = [of::<1>(site), of::<2>(site), of::<3>(site), of::<1>(site)];
        assert!(all.iter().all(|[first, again]| first == again));
        assert_eq!(all[0], all[3]);
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }

    #[test]
    fn threads_agree_on_new_instances() {
        fn of<const N: usize>(site: &'static Callsite) -> u32 {
            site.instance(|| ()).number()
        }
        let site = site("find");
        let look = || {
            let all = [of::<1>(site), of::<2>(site), of::<3>(site), of::<4>(site), of::<5>(site)];
            all.into_iter().collect::<std::collections::BTreeSet<_>>()
        };
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(look)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|seen| seen.len() == 5 && *seen == all[0]));
    }
}
