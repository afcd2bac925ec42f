//! A process that this one starts from its own program, and that does not outlive it.

use std::ffi::OsStr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::signal;

use crate::{Failure, Shared};

/// Killed when it is dropped. Should this process die without dropping it, the child's standard input closes, which it
/// takes for its own end.
pub struct Process {
    child: Child,
    orders: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts this program as another part of the fleet.
    pub fn start(part: &str, shared: &Shared, more: &[&str]) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(part)
            .args([OsStr::new("--db"), shared.db.as_os_str()])
            .args(["--redis", &shared.redis, "--namespace", &shared.namespace])
            .args(more)
            // Ctrl-C is for the one that gives the orders.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(orders), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a child without pipes".into());
        };
        Ok(Self { child, orders, output: BufReader::new(output).lines() })
    }

    /// Gives it an order.
    pub async fn tell(&mut self, order: &str) -> Result<(), Failure> {
        Ok(self.orders.write_all(format!("{order}\n").as_bytes()).await?)
    }

    /// The next line that it prints.
    pub async fn hear(&mut self) -> Result<String, Failure> {
        self.output.next_line().await?.ok_or_else(|| "a process of the fleet has ended on its own".into())
    }

    /// `kill -9`, without a word before.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
    }
}

/// Waits for Ctrl-C or `kill`.
pub async fn told_to_end() {
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        _ = terminate => {}
    }
}
