//! Checks that a value survives the codec of a store outside the process: encode it, decode it, compare.

use super::state::Call;
use crate::encoding::Encoding;
use crate::entry::{Content, Payload};
use crate::observe::FindingKind;
use crate::value::Carried;

impl Call {
    /// The content for a store outside the process; `None` if decoding would give another value.
    pub(super) fn encoded(&self, content: &Content) -> Option<Payload> {
        let object = match content {
            Content::Value(object) => object,
            Content::Absent(kind) => return Some(Payload::Absent(*kind)),
        };
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

    /// In debug builds, without a shared store: reports a value that could not be kept in one, so that a test shows it.
    pub(super) fn try_codec(&self, content: &Content) {
        let Content::Value(object) = content else { return };
        if !cfg!(debug_assertions) || self.site().policy().local || self.ops.codec.is_none() {
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
