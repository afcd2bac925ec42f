//! Cargo, timed.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A cargo command in a workspace.
pub(crate) struct Cargo<'f> {
    /// Where the workspace is.
    pub(crate) folder: &'f Path,
}

/// What a command came to.
pub(crate) struct Run {
    /// How long it took.
    pub(crate) took: Duration,
    /// How many crates it compiled.
    pub(crate) crates: usize,
}

impl Cargo<'_> {
    /// Runs a command such as `["check", "--package", "p"]`, with what it builds in this folder of the workspace.
    ///
    /// # Panics
    /// If it fails, with what it said.
    pub(crate) fn run(&self, target: &str, arguments: &[&str]) -> Run {
        let began = Instant::now();
        let mut command = Command::new(env!("CARGO"));
        // A dependency that names another toolchain for its own development is compiled by this one.
        if let Some(toolchain) = option_env!("RUSTUP_TOOLCHAIN") {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        // As a user's build has it, whatever the environment says.
        for setting in ["CARGO_PROFILE_DEV_DEBUG", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER"] {
            command.env_remove(setting);
        }
        let output = command
            .args(arguments)
            .args(["--offline", "--target-dir", target])
            .current_dir(self.folder)
            .env("CARGO_TERM_COLOR", "never")
            // The whole program every time.
            .env("CARGO_INCREMENTAL", "0")
            .output()
            .expect("cargo runs: it has started this");
        let took = began.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {} failed:\n{said}", arguments.join(" "));
        let crates = said.lines().filter(|line| line.trim_start().starts_with("Compiling")).count();
        Run { took, crates }
    }

    /// Runs it again as if this package had just been edited.
    pub(crate) fn rerun(&self, target: &str, package: &str, arguments: &[&str]) -> Duration {
        let source = self.folder.join(package).join("src/main.rs");
        let text = std::fs::read(&source).expect("a file of our own");
        std::fs::write(&source, text).expect("a file of our own");
        self.run(target, arguments).took
    }
}

/// The bytes of code in a program, as `size` of the binutils counts them; none where there is no `size`.
pub(crate) fn code(program: &Path) -> Option<u64> {
    let output = Command::new("size").arg("-A").arg(program).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix(".text")?.split_whitespace().next()?.parse().ok())
}
