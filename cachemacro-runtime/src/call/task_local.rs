//! The task-locals of a call, for a refresh that outlives it.

use std::future::Future;
use std::pin::Pin;

use tokio::task::LocalKey;

/// What `context(…)` may name.
#[diagnostic::on_unimplemented(
    message = "`context(…)` names task-locals of tokio, and this is `{Self}`",
    label = "not a task-local",
    note = "declare it with `tokio::task_local! {{ … }}`, and set it with `TENANT.scope(tenant, future)`: a `thread_local!` belongs to a \
            thread, and another thread may run the next part of the same call",
    note = "anything else that the result depends on is an argument, or a part of the key: `<self.tenant>`"
)]
pub trait TaskLocal {
    /// The type of its value.
    type Value: 'static;

    /// The task-local itself.
    #[doc(hidden)]
    fn local(&'static self) -> &'static LocalKey<Self::Value>;
}

#[diagnostic::do_not_recommend]
impl<T: 'static> TaskLocal for LocalKey<T> {
    type Value = T;

    fn local(&'static self) -> &'static Self {
        self
    }
}

/// The value of a task-local that `context(…)` names.
#[diagnostic::on_unimplemented(
    message = "`context(…)` clones the value of a task-local, and `{Self}` is not `Clone`",
    label = "the value is not `Clone`",
    note = "derive `Clone` for it, or keep it in an `Arc`: `static TENANT: Arc<Tenant>;`"
)]
pub trait CapturedValue: Sized + 'static {
    /// A clone of the value in the code that calls this; `None` if it is not set.
    #[doc(hidden)]
    fn captured(local: &'static LocalKey<Self>) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone + 'static> CapturedValue for T {
    fn captured(local: &'static LocalKey<T>) -> Option<T> {
        local.try_with(T::clone).ok()
    }
}

/// The value of a task-local that `context(…)` names, of a function that is refreshed in the background.
#[diagnostic::on_unimplemented(
    message = "a refresh in the background runs in another thread, and `{Self}`, the value of a task-local, cannot be sent to it",
    label = "the value is not `Send`",
    note = "keep it in an `Arc` in the place of an `Rc`; or write `refresh = inline`, and remove a task-local that is skipped from `context`"
)]
pub trait SentValue: Sized + 'static {
    /// Keeps the value for the refresh.
    #[doc(hidden)]
    fn keep(self, local: &'static LocalKey<Self>, locals: &mut TaskLocals);
}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> SentValue for T {
    fn keep(self, key: &'static LocalKey<T>, locals: &mut TaskLocals) {
        let others = std::mem::take(locals);
        locals.0 = Some(Box::new(Local { scope: Box::new(Set { key, value: self }), others }));
    }
}

/// Task-locals with the values that they had in the call. One pointer: each call that missed has it in its future.
#[derive(Default)]
pub struct TaskLocals(Option<Box<Local>>);

struct Local {
    scope: Box<dyn Scope>,
    others: TaskLocals,
}

/// A refresh, as a task runs it.
pub(super) type Refresh = Pin<Box<dyn Future<Output = ()> + Send>>;

impl TaskLocals {
    /// The refresh with these values.
    pub(super) fn around(self, refresh: Refresh) -> Refresh {
        match self.0 {
            Some(local) => local.scope.around(local.others.around(refresh)),
            None => refresh,
        }
    }

    /// As [`around`](Self::around), for a refresh that is not async.
    pub(super) fn run(self, refresh: impl FnOnce()) {
        let mut refresh = Some(refresh);
        self.run_within(&mut || {
            if let Some(refresh) = refresh.take() {
                refresh();
            }
        });
    }

    fn run_within(self, refresh: &mut dyn FnMut()) {
        let Some(local) = self.0 else { return refresh() };
        let mut others = Some(local.others);
        local.scope.run(&mut || {
            if let Some(others) = others.take() {
                others.run_within(refresh);
            }
        });
    }
}

/// One of them.
trait Scope: Send {
    fn around(self: Box<Self>, refresh: Refresh) -> Refresh;

    fn run(self: Box<Self>, refresh: &mut dyn FnMut());
}

struct Set<T: 'static> {
    key: &'static LocalKey<T>,
    value: T,
}

impl<T: Send> Scope for Set<T> {
    fn around(self: Box<Self>, refresh: Refresh) -> Refresh {
        Box::pin(self.key.scope(self.value, refresh))
    }

    fn run(self: Box<Self>, refresh: &mut dyn FnMut()) {
        self.key.sync_scope(self.value, refresh);
    }
}
