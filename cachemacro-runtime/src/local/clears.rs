//! How often each function was cleared in this process, and which functions are switched off.

use std::collections::HashMap;

use crate::callsite::Callsite;
use crate::util::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::util::sync::{ShardedLock, read, write};

/// What is cleared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// The entries of all functions.
    All,
    /// Those of one function.
    Function(&'static Callsite),
}

/// A load that began before its function was cleared is not stored, and is not shared with callers that come later.
#[derive(Default)]
pub(crate) struct Clears {
    /// Whether something was cleared. Until then nothing else is read.
    any: AtomicBool,
    all: AtomicU64,
    /// By the indexes of functions.
    functions: ShardedLock<HashMap<usize, OfFunction>>,
}

#[derive(Clone, Copy, Default)]
struct OfFunction {
    clears: u64,
    is_off: bool,
}

impl Clears {
    /// How often this function was cleared.
    pub(crate) fn count(&self, site: &Callsite) -> u64 {
        if !self.any.load(Ordering::Acquire) {
            return 0;
        }
        self.all.load(Ordering::Acquire) + self.function(site).clears
    }

    /// Whether this function is switched off.
    pub(crate) fn is_off(&self, site: &Callsite) -> bool {
        self.any.load(Ordering::Acquire) && self.function(site).is_off
    }

    /// The indexes of the functions that are switched off.
    pub(crate) fn off(&self) -> Vec<usize> {
        let functions = read(&self.functions);
        functions.iter().filter(|(_, function)| function.is_off).map(|(index, _)| *index).collect()
    }

    fn function(&self, site: &Callsite) -> OfFunction {
        read(&self.functions).get(&site.index()).copied().unwrap_or_default()
    }

    /// Counts a clear.
    pub(crate) fn add(&self, scope: Scope) {
        match scope {
            Scope::All => _ = self.all.fetch_add(1, Ordering::AcqRel),
            Scope::Function(site) => write(&self.functions).entry(site.index()).or_default().clears += 1,
        }
        self.any.store(true, Ordering::Release);
    }

    /// Switches a function off or on. Returns whether that changes something.
    pub(crate) fn set_off(&self, site: &Callsite, is_off: bool) -> bool {
        let was_off = std::mem::replace(&mut write(&self.functions).entry(site.index()).or_default().is_off, is_off);
        self.any.store(true, Ordering::Release);
        was_off != is_off
    }
}
