//! Runs the commands and scripts of consumer groups.

use cachemacro_runtime::store::StoreError;
use redis::{Cmd, Pipeline, Value};

use crate::connection::Link;
use crate::scripts::failed;

/// The source of a script, from its parts.
macro_rules! script {
    ($($part:literal)+) => {
        concat!($(include_str!(concat!("scripts/", $part))),+)
    };
}
pub(crate) use script;

/// The answer to one command.
pub(crate) async fn call(link: &Link, operation: &'static str, command: Cmd) -> Result<Value, StoreError> {
    let mut pipeline = Pipeline::new();
    pipeline.add_command(command);
    let values = link.run(operation, |_| pipeline).await?.values;
    checked(operation, values.into_iter().next().unwrap_or_default())
}

/// An error reply to one command becomes an error.
pub(crate) fn checked(operation: &'static str, value: Value) -> Result<Value, StoreError> {
    value.extract_error().map_err(|error| failed(operation, error))
}

/// Sends the source each time: these scripts run rarely, and the server caches compiled scripts.
pub(crate) fn eval(script: &str, keys: &[&str], args: &[&str]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(keys.len()).arg(keys).arg(args);
    command
}
