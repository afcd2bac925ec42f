//! Builds and runs a program of `examples/`, which is a workspace with a lock file that has the web server and the database
//! driver of the examples alone.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Gives the process to cargo, with the arguments that this program has.
pub(crate) fn run(example: &str) -> ExitCode {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--locked", "--example", example, "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/Cargo.toml"));
    cargo.args((!cfg!(debug_assertions)).then_some("--release"));
    if let Some(folder) = target_folder() {
        cargo.arg("--target-dir").arg(folder);
    }
    cargo.arg("--").args(std::env::args_os().skip(1));
    become_it(&mut cargo)
}

/// Where this program was built: what it shares with the other workspace is built once. It is `<folder>/debug/examples/atlas`.
fn target_folder() -> Option<PathBuf> {
    std::env::current_exe().ok()?.ancestors().nth(3).map(Path::to_owned)
}

#[cfg(unix)]
fn become_it(command: &mut Command) -> ExitCode {
    let error = std::os::unix::process::CommandExt::exec(command);
    eprintln!("cannot start cargo: {error}");
    ExitCode::FAILURE
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot start cargo: {error}");
            ExitCode::FAILURE
        }
    }
}
