//! A thread with a small runtime, for work that must not wait for the threads of the program. It starts at its first
//! use and ends with its last user.

use std::io;
use std::sync::mpsc;
use std::thread::{self, ThreadId};

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

use super::sync::{Mutex, lock};

/// The runtime of one cache. In most programs it never starts.
#[derive(Default)]
pub(crate) struct OwnRuntime {
    running: Mutex<Option<Running>>,
}

/// Keeps the thread alive.
#[derive(Clone)]
pub(crate) struct Running {
    handle: Handle,
    thread: ThreadId,
    users: watch::Receiver<()>,
}

impl OwnRuntime {
    /// The runtime, started if it is not running.
    pub(crate) fn running(&self) -> io::Result<Running> {
        let mut running = lock(&self.running);
        if let Some(running) = &*running
            && running.is_alive()
        {
            return Ok(running.clone());
        }
        Ok(running.insert(Running::start()?).clone())
    }
}

impl Running {
    fn start() -> io::Result<Self> {
        let (sender, started) = mpsc::sync_channel(1);
        let (alive, users) = watch::channel(());
        let run = move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let _ = sender.send(Ok(runtime.handle().clone()));
                runtime.block_on(alive.closed());
            }
            Err(error) => {
                let _ = sender.send(Err(error));
            }
        };
        // It is not joined: its last user may be one of its own tasks.
        let thread = thread::Builder::new().name("cachemacro-publish".to_owned()).spawn(run)?;
        let handle = started.recv().unwrap_or_else(|_| Err(io::Error::other("the thread ended at once")))?;
        Ok(Self { handle, thread: thread.thread().id(), users })
    }

    fn is_alive(&self) -> bool {
        self.users.has_changed().is_ok()
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether the current thread is the runtime's thread, which must not wait for itself.
    pub(crate) fn is_here(&self) -> bool {
        thread::current().id() == self.thread
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_thread_ends_with_its_last_user() {
        let own = OwnRuntime::default();
        let running = own.running().expect("a thread");
        assert_eq!(own.running().expect("the same").thread, running.thread);
        let (started, ended) = mpsc::channel();
        struct Ends(mpsc::Sender<()>);
        impl Drop for Ends {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let task = Ends(started);
        running.handle().spawn(async move {
            let _task = task;
            std::future::pending::<()>().await;
        });
        drop(own);
        assert!(ended.recv_timeout(Duration::from_millis(50)).is_err(), "it is still used");
        drop(running);
        let began = Instant::now();
        ended.recv_timeout(Duration::from_secs(10)).expect("the runtime ends, and its tasks with it");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}
