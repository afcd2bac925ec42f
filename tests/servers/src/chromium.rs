//! A browser: Chromium without a window, told what to do by its DevTools protocol.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Program, is_there, open_log};
use crate::wait;

const NAME: &str = "chromium";
/// Longer than a page takes to answer, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Chromium reads commands from descriptor 3, and writes answers to 4. A shell makes them of its standard input and output.
const LAUNCH: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

const ARGUMENTS: [&str; 11] = [
    "--remote-debugging-pipe",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--no-first-run",
    // It asks no host but those of the pages.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
];

/// Chromium with an empty profile in a temporary folder. Killed on drop.
///
/// ```no_run
/// use cachemacro_servers::Chromium;
///
/// let browser = Chromium::start();
/// let tab = browser.open("data:text/html,<h1>Hello</h1>");
/// assert_eq!(tab.evaluate("document.querySelector('h1').textContent"), "Hello");
/// ```
pub struct Chromium {
    connection: Mutex<Connection>,
    /// Before its folder, which it is not to miss.
    program: Program,
    _folder: TempDir,
}

/// A tab of a [`Chromium`].
#[derive(Debug)]
pub struct Tab<'a> {
    browser: &'a Chromium,
    target: String,
    session: String,
}

/// Commands and answers end with a zero.
struct Connection {
    commands: ChildStdin,
    answers: Receiver<Value>,
    last: u64,
}

impl Chromium {
    /// Whether it can be started on this machine.
    #[must_use]
    pub fn is_installed() -> bool {
        is_there(NAME)
    }

    /// Starts a browser.
    ///
    /// # Panics
    /// Where Chromium is not installed, with what to do about it.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more arguments of the command line, such as `--disable-features=BackForwardCache`.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        assert!(
            Self::is_installed(),
            "chromium is not on the PATH: `apt-get install chromium`, or `cargo xtask test`, which does that where it may"
        );
        let folder = tempfile::Builder::new().prefix("cachemacro-").tempdir().expect("a temporary folder");
        let mut shell = Command::new("sh");
        shell.args(["-c", LAUNCH, NAME]).args(ARGUMENTS).args(arguments);
        shell.arg(format!("--user-data-dir={}", folder.path().display()));
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = Program::spawn(shell, folder.path(), open_log(folder.path()));
        let (commands, answers) = program.pipes();
        let connection = Mutex::new(Connection { commands, answers: read(answers), last: 0 });
        Self { connection, program, _folder: folder }
    }

    /// Opens a tab, which the browser shows from then on, and waits until the page is loaded.
    ///
    /// # Panics
    /// If the browser has ended.
    #[must_use]
    pub fn open(&self, url: &str) -> Tab<'_> {
        let opened = self.command(None, "Target.createTarget", &json!({ "url": url }));
        let target = text(&opened["targetId"]);
        let attached = self.command(None, "Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        let tab = Tab { browser: self, target, session: text(&attached["sessionId"]) };
        tab.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'");
        tab
    }

    /// What it answers to a command of the protocol; for a tab with the id of its session.
    fn command(&self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        self.try_command(session, method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_command(&self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value, String> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let describe = |what: &str| format!("{what}; Chromium's log is\n{}", self.program.log());
        connection.last += 1;
        let id = connection.last;
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        connection
            .commands
            .write_all(format!("{command}\0").as_bytes())
            .map_err(|error| describe(&error.to_string()))?;
        loop {
            let mut answer = connection.answers.recv_timeout(PATIENCE).map_err(|_| describe("no answer"))?;
            // What has another number, or none, is an event or too late.
            if answer["id"] == id {
                return if answer["error"].is_null() {
                    Ok(answer["result"].take())
                } else {
                    Err(answer["error"].to_string())
                };
            }
        }
    }
}

impl Tab<'_> {
    /// What a JavaScript expression is, as JSON. It waits for a promise.
    ///
    /// # Panics
    /// If the expression throws.
    #[track_caller]
    pub fn evaluate(&self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until an expression is true, and returns it.
    ///
    /// # Panics
    /// If it is not within half a minute.
    #[track_caller]
    pub fn wait_for(&self, expression: &str) -> Value {
        let is_true = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
        wait::until(expression, || match self.try_evaluate(expression) {
            Ok(value) if is_true(&value) => Ok(value),
            // A page that is left has no answer.
            other => Err(other),
        })
    }

    /// Makes it the tab that the browser shows; the page of the one before is told by `visibilitychange`.
    pub fn show(&self) {
        self.browser.command(None, "Target.activateTarget", &json!({ "targetId": self.target }));
    }

    fn try_evaluate(&self, expression: &str) -> Result<Value, String> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.browser.try_command(Some(&self.session), "Runtime.evaluate", &parameters)?;
        match &answer["exceptionDetails"] {
            Value::Null => Ok(answer["result"]["value"].take()),
            thrown => Err(thrown.to_string()),
        }
    }
}

fn read(answers: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    // It ends with the browser.
    thread::spawn(move || {
        let messages = BufReader::new(answers).split(0).map_while(Result::ok);
        let _ =
            messages.filter_map(|message| serde_json::from_slice(&message).ok()).try_for_each(|json| sender.send(json));
    });
    receiver
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl fmt::Debug for Chromium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chromium").finish_non_exhaustive()
    }
}
