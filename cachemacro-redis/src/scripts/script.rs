//! The scripts: one per operation, so that each operation is atomic in the slot of its aggregate.

use std::sync::LazyLock;

use redis::{Cmd, ToRedisArgs};

/// A script: its source, and the hash by which the server knows it.
pub(crate) struct Script {
    source: String,
    hash: String,
}

/// How a script is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// `EVALSHA`: the server knows it.
    ByHash,
    /// `EVAL`, after the server said that it does not know the script. From then on it does; in a cluster, that node
    /// does.
    BySource,
}

/// A script with its keys and arguments.
pub(crate) struct Invocation {
    script: &'static Script,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

macro_rules! scripts {
    ($($name:ident = $($part:literal)+;)+) => {$(
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!($part)),+)));
    )+};
}

scripts! {
    ENTER = "text.lua" "record.lua" "enter.lua";
    FILL = "text.lua" "record.lua" "fill.lua";
    APPLY = "text.lua" "record.lua" "apply.lua";
    DETECT = "text.lua" "record.lua" "detect.lua";
    LEASE = "text.lua" "lease.lua";
    CONTROL = "text.lua" "control.lua";
    TIME = "time.lua";
    ANNOUNCE = "text.lua" "head.lua" "append.lua" "announce.lua";
    TAIL = "text.lua" "head.lua" "tail.lua";
}

impl Script {
    fn new(source: &str) -> Self {
        Self { source: source.to_owned(), hash: redis::Script::new(source).get_hash().to_owned() }
    }

    pub(crate) fn on(&'static self, key: impl Into<String>) -> Invocation {
        Invocation { script: self, keys: vec![key.into()], args: Vec::new() }
    }
}

impl Invocation {
    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }

    pub(crate) fn keys(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.keys.extend(keys);
        self
    }

    pub(crate) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        arg.write_redis_args(&mut self.args);
        self
    }

    pub(crate) fn command(&self, how: How) -> Cmd {
        let mut command = match how {
            How::ByHash => redis::cmd("EVALSHA"),
            How::BySource => redis::cmd("EVAL"),
        };
        let script = match how {
            How::ByHash => &self.script.hash,
            How::BySource => &self.script.source,
        };
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.args);
        command
    }
}
