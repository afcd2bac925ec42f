//! Varnish, a cache of responses, with its module xkey.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::program::{Program, free_port, is_there, open_log};
use crate::wait;

const NAME: &str = "varnishd";

/// Varnish in front of an origin, on a free loopback port, with its working folder in a temporary one. Killed on drop.
pub struct Varnish {
    /// None while it is down. Before its folder, which it is not to miss.
    program: Option<Program>,
    port: u16,
    folder: TempDir,
}

impl Varnish {
    /// Whether it can be started on this machine.
    #[must_use]
    pub fn is_installed() -> bool {
        is_there(NAME)
    }

    /// Starts it with this VCL, which names its backend: `vcl 4.1; backend default { … }`.
    ///
    /// # Panics
    /// Where Varnish or its modules are not installed, with what to do about it; and if the VCL is wrong.
    #[must_use]
    pub fn start(vcl: &str) -> Self {
        assert!(
            Self::is_installed(),
            "varnishd is not on the PATH: `apt-get install varnish varnish-modules`, or `cargo xtask test`, which does that where it may"
        );
        // Another program may take a free port before it does.
        for _ in 0..10 {
            let folder = tempfile::Builder::new().prefix("cachemacro-").tempdir().expect("a temporary folder");
            fs::write(folder.path().join("test.vcl"), vcl).expect("a file in a folder of our own");
            let mut varnish = Self { program: None, port: free_port(), folder };
            if varnish.launch() {
                return varnish;
            }
        }
        panic!("varnishd does not start");
    }

    /// Starts it anew, with nothing in it.
    ///
    /// # Panics
    /// If it does not start, as another process has taken its port meanwhile.
    pub fn restart(&mut self) {
        self.program = None;
        // Its worker is in a group of its own, and ends when it misses its parent.
        let is_free = || {
            let bound = TcpListener::bind(("127.0.0.1", self.port));
            bound.map(|_| true).map_err(|error| error.to_string())
        };
        wait::until("the worker of the varnishd before does not end", is_free);
        let _ = fs::remove_dir_all(self.folder.path().join("work"));
        assert!(self.launch(), "varnishd does not start again");
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.program = None;
    }

    /// SIGSTOP: it holds its connections, and answers nothing.
    pub fn stop(&self) {
        self.program.iter().for_each(Program::stop);
    }

    /// SIGCONT.
    pub fn cont(&self) {
        self.program.iter().for_each(Program::cont);
    }

    /// `http://127.0.0.1:<port>`, also while it is down.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port, also while it is down.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it runs now; if not, another process has the port.
    fn launch(&mut self) -> bool {
        let folder = self.folder.path();
        let (vcl, work) = (folder.join("test.vcl"), folder.join("work"));
        let log = open_log(folder);
        let mut command = Command::new(NAME);
        // It drops no rights: it was given none.
        command.arg("-F").args(["-j", "none", "-a", &format!("127.0.0.1:{}", self.port)]);
        command.arg("-f").arg(vcl).arg("-n").arg(work).args(["-s", "malloc,64m"]);
        // A small machine runs many tests at once.
        for setting in ["thread_pools=1", "thread_pool_min=10", "thread_pool_max=500"] {
            command.args(["-p", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file that was just opened"));
        let mut program = Program::spawn(command, folder, log);
        let runs = wait::until("varnishd does not start", || {
            if !program.is_running() {
                let log = program.log();
                assert!(
                    log.contains("Could not get socket") || log.contains("already in use"),
                    "varnishd ended at once (`apt-get install varnish varnish-modules`):\n{log}"
                );
                return Ok(false);
            }
            answers(self.port).map(|()| true).map_err(|error| format!("{error}; its log is\n{}", program.log()))
        });
        self.program = runs.then_some(program);
        runs
    }
}

/// Its worker answers what is no request, and asks no origin for it. Before that the port is open, and connections end.
fn answers(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"no request\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    if answer == *b"HTTP/1.1 400" {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()))
    }
}

impl fmt::Debug for Varnish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Varnish").field("port", &self.port).finish_non_exhaustive()
    }
}
