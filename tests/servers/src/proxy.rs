//! A connection that goes wrong on demand: slow, cut one way, cut off in the middle of an answer, refused.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What is wrong. The default is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Before each piece that the client sends is passed on.
    pub delay: Duration,
    /// Before each piece that the server answers is passed on.
    pub delay_answers: Duration,
    /// What the client sends is swallowed.
    pub cuts_requests: bool,
    /// What the server answers is swallowed.
    pub cuts_answers: bool,
    /// After so many bytes of answers the connection ends.
    pub truncates_after: Option<usize>,
    /// New connections end at once.
    pub refuses: bool,
}

/// A proxy in front of a server on loopback. Ends on drop.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    faults: Mutex<Faults>,
    /// Both sides of each connection.
    open: Mutex<HashMap<u64, [TcpStream; 2]>>,
    opened: AtomicU64,
    is_over: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// Passes everything on to this port.
    ///
    /// # Panics
    /// Where no port is left to listen on.
    #[must_use]
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.is_over.load(SeqCst) {
                    return;
                }
                accepting.join(client, target);
            }
        });
        Self { port, shared }
    }

    /// `redis://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on this is wrong; `Faults::default()` heals.
    ///
    /// The end of a cut ends all connections. What was swallowed stays lost, and no network loses bytes in the middle of
    /// a connection: the client would take the answer to a later question for that to an earlier one.
    pub fn set(&self, faults: Faults) {
        let before = std::mem::replace(&mut *lock(&self.shared.faults), faults);
        if (before.cuts_requests && !faults.cuts_requests) || (before.cuts_answers && !faults.cuts_answers) {
            self.drop_connections();
        }
    }

    /// How many connections go through it now.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.shared.open).len()
    }

    /// Ends all connections.
    pub fn drop_connections(&self) {
        for stream in lock(&self.shared.open).drain().flat_map(|(_, sides)| sides) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn join(self: &Arc<Self>, client: TcpStream, target: u16) {
        if lock(&self.faults).refuses {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { return };
        let _ = client.set_nodelay(true).and(server.set_nodelay(true));
        let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { return };
        let (Ok(client_side), Ok(server_side)) = (client.try_clone(), server.try_clone()) else { return };
        let id = self.opened.fetch_add(1, SeqCst);
        lock(&self.open).insert(id, [client_side, server_side]);
        for (from, to, are_requests) in [(client, server, true), (server_too, client_too, false)] {
            let shared = Arc::clone(self);
            thread::spawn(move || {
                shared.pass(from, to, are_requests);
                lock(&shared.open).remove(&id);
            });
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, are_requests: bool) {
        let (mut piece, mut passed) = ([0; 16 * 1024], 0);
        while let Ok(length @ 1..) = from.read(&mut piece) {
            let faults = *lock(&self.faults);
            let mut bytes = &piece[..length];
            thread::sleep(if are_requests { faults.delay } else { faults.delay_answers });
            if let (false, Some(limit)) = (are_requests, faults.truncates_after) {
                bytes = &bytes[..length.min(limit.saturating_sub(passed))];
                passed += length;
            }
            let is_cut = if are_requests { faults.cuts_requests } else { faults.cuts_answers };
            if !is_cut && to.write_all(bytes).is_err() || bytes.len() < length {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, SeqCst);
        self.drop_connections();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
