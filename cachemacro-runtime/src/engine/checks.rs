//! Which values are read back from their encoding as they are stored, and which functions are not stored outside the
//! process, as a value of theirs came back changed.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::call::Call;
use crate::codec::Encoding;
use crate::entry::{Object, Payload};
use crate::finding::FindingKind;
use crate::site::Instance;
use crate::sync::{Mutex, lock};
use crate::value::Carried;

/// The first values of each function are read back whatever their size.
const FIRST: u64 = 8;
/// On the way to a shared store so are all that have no more bytes, and every eighth of the others.
const SMALL: usize = 1 << 20;
const EVERY: u64 = 8;

/// Without a shared store, in debug builds: so many, then every sixteenth, and none that is larger.
const FIRST_LOCAL: u64 = 256;
const EVERY_LOCAL: u64 = 16;
const SMALL_LOCAL: usize = 64 << 10;

/// What one cache knows of its functions' values.
#[derive(Default)]
pub(crate) struct Checks {
    states: Mutex<HashMap<usize, State, RandomState>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    fills: u64,
    /// A value came back changed: who knows which others do.
    is_unfit: bool,
}

impl Checks {
    /// One more value of this function. What has no more bytes than this is read back; nothing for a function that is unfit.
    fn next(&self, instance: &'static Instance, is_shared: bool) -> Option<usize> {
        let mut states = lock(&self.states);
        let state = states.entry(std::ptr::from_ref(instance).addr()).or_default();
        let number = state.fills;
        state.fills += 1;
        if state.is_unfit {
            return None;
        }
        Some(match is_shared {
            _ if number < FIRST => usize::MAX,
            true if number.is_multiple_of(EVERY) => usize::MAX,
            true => SMALL,
            false if number < FIRST_LOCAL || number.is_multiple_of(EVERY_LOCAL) => SMALL_LOCAL,
            false => 0,
        })
    }

    fn ends(&self, instance: &'static Instance) {
        lock(&self.states).entry(std::ptr::from_ref(instance).addr()).or_default().is_unfit = true;
    }
}

impl Call {
    /// The value for a store outside the process, unless it would come back as another one.
    pub(super) fn encoded(&self, object: &Object) -> Option<Payload> {
        let checked = self.cache.inner.checks.next(self.key.instance(), true)?;
        match self.ops.carry(object, self.cache.inner.encoding, checked) {
            Carried::Bytes(bytes) => {
                self.report_not_compared();
                Some(Payload::Bytes(bytes.into()))
            }
            refused => {
                self.report(refused);
                None
            }
        }
    }

    /// In debug builds: whether the value could be kept outside the process, so that a test without a shared store tells.
    pub(super) fn try_codec(&self, object: &Object) {
        if !cfg!(debug_assertions) || self.site.policy().local || self.ops.codec.is_none() {
            return;
        }
        let Some(checked) = self.cache.inner.checks.next(self.key.instance(), false).filter(|checked| *checked > 0)
        else {
            return;
        };
        // Compression takes time and changes nothing.
        let encoding = Encoding::new(self.cache.inner.encoding.codec);
        self.report(self.ops.carry(object, encoding, checked));
    }

    fn report(&self, carried: Carried) {
        let instance = self.key.instance();
        let name = self.ops.codec.map_or("?", |codec| (codec.name)());
        let findings = &self.cache.inner.findings;
        match carried {
            Carried::Bytes(_) => self.report_not_compared(),
            Carried::Changed(field) => {
                self.cache.inner.checks.ends(instance);
                findings.report(instance, FindingKind::ChangedByCodec, || changed(name, field.as_deref()));
            }
            Carried::Not => findings.report(instance, FindingKind::NotCarried, || not_carried(name)),
        }
    }

    fn report_not_compared(&self) {
        if self.ops.comparison.is_empty() {
            let name = self.ops.codec.map_or("?", |codec| (codec.name)());
            let message = || not_compared(name);
            self.cache.inner.findings.report(self.key.instance(), FindingKind::NotCompared, message);
        }
    }
}

fn changed(name: &str, field: Option<&str>) -> String {
    let field = field.map(|field| format!(" (`{field}` differs)")).unwrap_or_default();
    format!(
        "a `{name}` that is encoded and decoded is not what was loaded{field}. Values of this function are not stored outside \
         the process. Either a field is left out, by `#[serde(skip)]`, `skip_serializing` or `skip_deserializing`: take that \
         away, or split the type. Or an `untagged` enum is read as another of its variants that has the same form, `Short(u8)` \
         where `Long(u64)` was written: take `untagged` away, or write `tag = \"type\", content = \"value\"` in its place. Or keep \
         the values in the process with `local`. If the difference does not matter, `PartialEq` can ignore it"
    )
}

fn not_carried(name: &str) -> String {
    format!(
        "a `{name}` cannot be encoded and decoded: its `Serialize` fails, or its `Deserialize` refuses what that wrote. The value is \
         not stored outside the process. Make `T::deserialize` accept what `T::serialize` writes, or keep the values in the \
         process with `local`"
    )
}

fn not_compared(name: &str) -> String {
    format!(
        "a `{name}` is read back from its encoding before a shared store gets it, and this function has nothing to compare it by but \
         the bytes, which do not show a field that `#[serde(skip)]` or a `with = \"…\"` leaves out. Derive `PartialEq` or `Debug` for \
         it. In a generic function, or a function of a generic impl, name one of them in the bounds too: \
         `T: Serialize + DeserializeOwned + Debug`. Or keep the values in the process with `local`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::site;

    #[test]
    fn small_values_are_always_read_back_and_large_ones_now_and_then() {
        let checks = Checks::default();
        let instance = site("find").instance(|| {});
        let next = || checks.next(instance, true).expect("fit");
        assert!((0..FIRST).all(|_| next() == usize::MAX));
        let large: Vec<_> = (0..16).filter(|_| next() == usize::MAX).collect();
        assert_eq!(large, [0, 8]);
        assert_eq!(next(), usize::MAX);
        assert_eq!(next(), SMALL);
    }

    #[test]
    fn nothing_more_is_stored_of_a_function_whose_value_came_back_changed() {
        let checks = Checks::default();
        let (one, other) = (site("find").instance(|| {}), site("list").instance(|| {}));
        checks.ends(one);
        assert_eq!(checks.next(one, true), None);
        assert!(checks.next(other, true).is_some());
    }
}
