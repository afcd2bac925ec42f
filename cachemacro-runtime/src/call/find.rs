//! What an annotated function calls to find an entry: the answer of a hit, or the call that missed.
//!
//! In a debug build these functions are compiled once for each return type. In a release build they become part of each annotated
//! function, so that the compiler knows the form of the key, and keeps its hasher in registers.

use super::adapter::Answer;
use super::look::{Look, Other};
use super::state::Miss;
use super::try_hit::{TryHit, hit, hit_current, try_hit, try_hit_current};
use crate::cache::Cache;
use crate::callsite::Instance;
use crate::key::{CallPart, KeyWriter};
use crate::value::{Shape, Values};

/// The key of a template with one placeholder.
pub struct OneKey<'a, T: ?Sized> {
    before: &'static str,
    part: CallPart<'a, T>,
    after: &'static str,
}

impl<'a, T: ?Sized> OneKey<'a, T> {
    /// The text before the placeholder, its value, and the text after it.
    #[inline]
    #[must_use]
    pub fn new(before: &'static str, part: CallPart<'a, T>, after: &'static str) -> Self {
        Self { before, part, after }
    }

    /// Writes the key, as those of all other templates.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn write(&self, out: &mut KeyWriter) {
        out.fixed(self.before);
        self.part.write(out);
        out.fixed(self.after);
    }
}

/// A key of one part is looked for before it is written.
///
/// # Errors
/// The call, if it missed.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn find_one<T: ?Sized, S: Shape>(
    instance: &'static Instance,
    cache: &Cache,
    key: OneKey<'_, T>,
    mut look: Look,
    shape: S,
    values: Values<S::Value>,
) -> Result<Answer<S>, Miss> {
    if let Some(value) = hit(instance, cache, key.part.simple(), &mut look, shape, values) {
        return Ok(Answer::of_value(value));
    }
    if let Other::Absent(kind) = look.other {
        return Ok(Answer::of_absence(kind));
    }
    let mut written = KeyWriter::new();
    key.write(&mut written);
    find(instance, cache, &mut written, look, shape, values)
}

/// As [`find_one`], in the cache of the scope that the caller runs in, else in the process-wide one.
///
/// # Errors
/// The call, if it missed.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn find_one_current<T: ?Sized, S: Shape>(
    instance: &'static Instance,
    key: OneKey<'_, T>,
    mut look: Look,
    shape: S,
    values: Values<S::Value>,
) -> Result<Answer<S>, Miss> {
    if let Some(value) = hit_current(instance, key.part.simple(), &mut look, shape, values) {
        return Ok(Answer::of_value(value));
    }
    if let Other::Absent(kind) = look.other {
        return Ok(Answer::of_absence(kind));
    }
    let mut written = KeyWriter::new();
    key.write(&mut written);
    find_current(instance, &mut written, look, shape, values)
}

/// Any other key.
///
/// # Errors
/// The call, if it missed.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn find<S: Shape>(
    instance: &'static Instance,
    cache: &Cache,
    key: &mut KeyWriter,
    look: Look,
    shape: S,
    values: Values<S::Value>,
) -> Result<Answer<S>, Miss> {
    answer(try_hit(instance, cache, key, look, shape, values))
}

/// As [`find`], in the cache of the scope that the caller runs in, else in the process-wide one.
///
/// # Errors
/// The call, if it missed.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn find_current<S: Shape>(
    instance: &'static Instance,
    key: &mut KeyWriter,
    look: Look,
    shape: S,
    values: Values<S::Value>,
) -> Result<Answer<S>, Miss> {
    answer(try_hit_current(instance, key, look, shape, values))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn answer<S: Shape>(found: TryHit<S::Value>) -> Result<Answer<S>, Miss> {
    match found {
        TryHit::Value(value) => Ok(Answer::of_value(value)),
        TryHit::Absent(kind) => Ok(Answer::of_absence(kind)),
        TryHit::Miss(miss) => Err(miss),
    }
}
