//! Which faults are injected now, and how often each operation was called.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachemacro_runtime::store::Aggregate;
use tokio::sync::{Notify, Semaphore};

use super::fault::{Fault, Operation};

/// A fault, and the gate that holds operations where it is one that does: a permit lets one through, a closed gate all.
#[derive(Clone)]
pub(super) struct Injected {
    pub(super) fault: Fault,
    gate: Arc<Semaphore>,
}

impl Injected {
    /// Waits at the gate.
    pub(super) async fn released(&self) {
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
    }
}

/// Which calls a fault is for.
struct Rule {
    injected: Injected,
    operation: Operation,
    aggregate: Option<String>,
    /// How many calls it is still for.
    left: Option<u64>,
}

impl Rule {
    fn is_for(&self, operation: Operation, aggregates: &[Aggregate]) -> bool {
        let names = |name: &String| aggregates.iter().any(|aggregate| aggregate.as_str() == name);
        self.operation == operation && self.left != Some(0) && self.aggregate.as_ref().is_none_or(names)
    }
}

#[derive(Default)]
pub(super) struct Plan {
    rules: Mutex<Vec<Rule>>,
    calls: [AtomicU64; Operation::ALL.len()],
    /// Told of every change, for those who wait in the channel.
    pub(super) changed: Notify,
}

impl Plan {
    pub(super) fn add(&self, operation: Operation, fault: Fault, aggregate: Option<&str>, left: Option<u64>) {
        let injected = Injected { fault, gate: Arc::new(Semaphore::new(0)) };
        self.rules().push(Rule { injected, operation, aggregate: aggregate.map(str::to_owned), left });
        self.changed.notify_waiters();
    }

    /// Ends the faults of these operations, and lets go on what they hold.
    pub(super) fn clear(&self, operations: &[Operation]) {
        self.rules().retain(|rule| {
            let stays = !operations.contains(&rule.operation);
            if !stays {
                rule.injected.gate.close();
            }
            stays
        });
        self.changed.notify_waiters();
    }

    pub(super) fn release(&self, operation: Operation, count: usize) {
        let rules = self.rules();
        for rule in rules.iter().filter(|rule| rule.operation == operation && rule.injected.fault.is_held()) {
            rule.injected.gate.add_permits(count);
        }
    }

    /// The fault of this call, which was injected last of those that are for it.
    pub(super) fn take(&self, operation: Operation, aggregates: &[Aggregate]) -> Option<Injected> {
        let mut rules = self.rules();
        let rule = rules.iter_mut().rev().find(|rule| rule.is_for(operation, aggregates))?;
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.injected.clone())
    }

    pub(super) fn count(&self, operation: Operation) {
        self.calls[operation as usize].fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn calls(&self, operation: Operation) -> u64 {
        self.calls[operation as usize].load(Ordering::SeqCst)
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
