//! The writers whose bodies run. Inside of them, the cached functions whose entries their events end go past the cache: the events are
//! published when the body has returned, so until then an entry may be older than what the body has written.

use std::cell::RefCell;
use std::future::Future;

use super::site::Callsite;
use super::writer::Writer;
use crate::util::context;
use crate::util::context::{Entered, Part, WRITER, Within};
use crate::util::few::Few;
use crate::util::sync::{LocalKey, thread_local};

/// The writers whose bodies this thread works on.
#[derive(Clone)]
pub struct Writing(Few<&'static Writer>);

thread_local! {
    static CURRENT: RefCell<Option<Writing>> = const { RefCell::new(None) };
}

impl Part for Writing {
    const FLAG: u8 = WRITER;

    fn local() -> &'static LocalKey<RefCell<Option<Self>>> {
        &CURRENT
    }
}

impl Writing {
    /// This writer, inside of those that run already.
    fn of(writer: &'static Writer) -> Self {
        let mut writers = context::read(|outer: &Self| outer.0.clone()).unwrap_or_default();
        writers.push(writer);
        Self(writers)
    }
}

/// Runs the body of an async writer.
pub fn writing<F: Future>(writer: &'static Writer, body: F) -> Within<Writing, F> {
    context::within(Some(Writing::of(writer)), body)
}

/// Runs the body of a sync writer.
pub fn writing_sync<T>(writer: &'static Writer, body: impl FnOnce() -> T) -> T {
    let mut writing = Some(Writing::of(writer));
    let _entered = Entered::new(&mut writing);
    body()
}

/// Whether this runs inside of the body of a writer whose events can end entries of this function.
pub(crate) fn is_written_here(site: &Callsite) -> bool {
    let ends = |writer: &&Writer| writer.info().events.iter().any(|event| site.is_ended_by(event));
    context::read(|writing: &Writing| writing.0.iter().any(ends)).unwrap_or(false)
}
