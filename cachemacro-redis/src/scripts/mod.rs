//! The scripts, and how they and other commands are run on the server.

mod script;
mod server;
mod time;

pub(crate) use self::script::{ANNOUNCE, APPLY, CONTROL, DETECT, ENTER, FILL, Invocation, LEASE, Script, TAIL, TIME};
pub(crate) use self::server::{Answers, Server, failed, get, single};
pub(crate) use self::time::{Sample, Times, millis};
