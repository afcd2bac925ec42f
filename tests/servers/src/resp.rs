//! As much of the Redis protocol as it takes to command a server.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5);

/// Why a command had no answer.
#[derive(Debug)]
pub enum Error {
    /// The connection failed.
    Io(io::Error),
    /// The server said no.
    Server(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the server does not answer: {error}"),
            Self::Server(message) => write!(f, "the server answered: {message}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Sends one command on a connection of its own, and returns the answer as text: arrays as lines, nil as an empty string.
pub(crate) fn command(port: u16, words: &[&str]) -> Result<String, Error> {
    command_with(port, None, words)
}

/// The same with the password of the server.
pub(crate) fn command_with(port: u16, password: Option<&str>, words: &[&str]) -> Result<String, Error> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let mut answers = BufReader::new(stream.try_clone()?);
    if let Some(password) = password {
        stream.write_all(request(&["AUTH", password]).as_bytes())?;
        answer(&mut answers)?;
    }
    stream.write_all(request(words).as_bytes())?;
    answer(&mut answers)
}

fn request(words: &[&str]) -> String {
    let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect::<Vec<_>>();
    format!("*{}\r\n{}", words.len(), words.concat())
}

/// The value in a line `<field>:<value>`.
pub(crate) fn field<'a>(lines: &'a str, field: &str) -> Option<&'a str> {
    lines.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim)
}

fn answer(stream: &mut impl BufRead) -> Result<String, Error> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let line = line.trim_end();
    let count = || line[1..].parse::<i64>().unwrap_or(-1);
    match line.as_bytes().first() {
        Some(b'-') => Err(Error::Server(line[1..].to_owned())),
        Some(b'$') => match usize::try_from(count()) {
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                stream.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            Err(_) => Ok(String::new()),
        },
        Some(b'*') => {
            let items: Result<Vec<_>, _> = (0..count().max(0)).map(|_| answer(stream)).collect();
            Ok(items?.join("\n"))
        }
        Some(_) => Ok(line[1..].to_owned()),
        None => Err(Error::Server("an empty answer".to_owned())),
    }
}
