//! Real servers, on free ports of this machine.

use std::net::SocketAddr;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// A panic with this text is meant.
pub(crate) const MEANT: &str = "a handler panics";

/// Counts those of tasks: the server hides them.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload().downcast_ref() == Some(&MEANT) {
                return;
            }
            PANICS.fetch_add(u64::from(tokio::task::try_id().is_some()), SeqCst);
            before(panic);
        }));
    });
}

pub(crate) fn no_panic() {
    assert_eq!(PANICS.load(SeqCst), 0, "it is printed above");
}

pub(crate) async fn serve(router: Router) -> SocketAddr {
    count_panics();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Sends this text, and waits until the answer has this in it. Returns the connection, and the answer so far.
pub(crate) async fn talk(address: SocketAddr, text: &str, until: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.expect("the server is up");
    stream.write_all(text.as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains(until) {
        assert!(stream.read_buf(&mut answer).await.expect("it answers") > 0, "{:?}", String::from_utf8_lossy(&answer));
    }
    (stream, String::from_utf8_lossy(&answer).into_owned())
}

/// The whole answer to this head, until the server closes.
pub(crate) async fn told(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server is up");
    let text = format!("{head}\r\nhost: shop\r\nconnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Waits for what other tasks do.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
