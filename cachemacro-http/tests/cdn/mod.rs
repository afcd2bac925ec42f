//! A server on loopback that takes requests as they come, and answers as a test says.

#![allow(dead_code)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) at: Instant,
    pub(crate) line: String,
    /// In lower case, without `host`.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Taken {
    /// The tags of its body, or of its header.
    pub(crate) fn tags(&self) -> Vec<String> {
        let list = self.body.split_once('[').map(|(_, rest)| rest.trim_end_matches("]}").replace('"', ""));
        let header = self.headers.iter().find_map(|header| header.strip_prefix("xkey-purge: ").map(str::to_owned));
        let list = list.or(header).unwrap_or_default();
        list.split([',', ' ']).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers with these bytes, and goes on.
    Bytes(String),
    /// Answers with these bytes, and closes.
    Half(String),
    /// Closes without an answer.
    Close,
    /// Answers after this time.
    After(Duration, Box<Reply>),
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))
}

pub(crate) fn cloudflare_done() -> Reply {
    answer(
        "200 OK",
        "content-type: application/json\r\n",
        "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":{\"id\":\"ab\"}}",
    )
}

pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) taken: Arc<Mutex<Vec<Taken>>>,
    task: JoinHandle<()>,
}

type Answers = Arc<dyn Fn(&Taken) -> Reply + Send + Sync>;

impl Server {
    pub(crate) async fn start(answers: impl Fn(&Taken) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("it has one"));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (answers, all): (Answers, _) = (Arc::new(answers), taken.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answers.clone(), all.clone()));
            }
        });
        Self { address, taken, task }
    }

    /// These answers, and then that of Cloudflare for what is done.
    pub(crate) async fn with(answers: impl IntoIterator<Item = Reply>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect::<VecDeque<_>>());
        Self::start(move |_| answers.lock().unwrap().pop_front().unwrap_or_else(cloudflare_done)).await
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answers: Answers, all: Arc<Mutex<Vec<Taken>>>) {
    let mut buffer = Vec::new();
    while let Some(taken) = read(&mut stream, &mut buffer).await {
        let mut reply = answers(&taken);
        all.lock().unwrap().push(taken);
        while let Reply::After(time, then) = reply {
            tokio::time::sleep(time).await;
            reply = *then;
        }
        let (bytes, goes_on) = match reply {
            Reply::Bytes(bytes) => (bytes, true),
            Reply::Half(bytes) => (bytes, false),
            Reply::Close | Reply::After(..) => return,
        };
        if stream.write_all(bytes.as_bytes()).await.is_err() || !goes_on {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Taken> {
    loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).expect("ASCII");
            let mut lines = head.split("\r\n").map(str::to_owned);
            let line = lines.next().expect("a line");
            let headers: Vec<_> = lines.filter(|line| !line.starts_with("host:")).collect();
            let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8(buffer[end + 4..end + 4 + length].to_vec()).expect("a text");
                buffer.drain(..end + 4 + length);
                return Some(Taken { at: Instant::now(), line, headers, body });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
