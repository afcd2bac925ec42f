//! `cargo xtask test`: every test, in steps, and one summary at the end; `--quick` leaves out what takes long.
//!
//! Besides Rust the tests need Redis and Chromium, which they start themselves: on free loopback ports, in temporary folders; and
//! Valgrind, which counts instructions. Where programs are missing they are installed first, if that is possible without a password (see
//! `programs`); if it is not, no test runs.

use crate::metadata::{self, array, text};
use crate::steps::{self, Step};

/// Test binaries that `--quick` leaves out, and why.
const NOT_QUICK: &[(&str, &str)] = &[
    ("builds", "builds two programs with all their dependencies"),
    ("checker", "a hundred thousand reads under faults"),
    ("fleet", "servers that are killed and cut off, for two minutes"),
    ("model", "random schedules, held against a model"),
    ("split_brain", "waits for failovers"),
    ("ui", "compiles a program for each mistake"),
];

/// Provides the programs that the tests start, and runs every test.
pub(crate) fn run() -> Result<(), String> {
    crate::programs::provide()?;
    steps::run(&[
        Step::new(
            "unit tests, behaviour and doctests",
            // Unoptimised, the model checker would take minutes, and instructions are those of a release build.
            &[
                "test",
                "--workspace",
                "--exclude=cachemacro-instructions",
                "--exclude=cachemacro-shuttle",
                "--all-features",
                "--no-fail-fast",
            ],
        ),
        Step::new("examples", &["test", "--manifest-path=examples/Cargo.toml", "--target-dir=target", "--locked"]),
        Step::new("four processes on one Redis that is killed", &["run", "--example=fleet", "--", "--seconds=2"]),
        Step::new("what a page in Chromium is answered", &["run", "--example=browser"]),
        Step::new("what a reader sees at Varnish, before and after an event", &["run", "--example=edge"]),
        Step::new(
            "instructions of the hot paths, beside docs/instructions.md",
            &["test", "--package=cachemacro-instructions", "--release"],
        ),
        Step::new("interleavings, explored by shuttle", &["test", "--package=cachemacro-shuttle", "--release"]),
    ])
}

/// Unit tests and the test binaries that take seconds.
pub(crate) fn quick() -> Result<(), String> {
    crate::programs::provide()?;
    let mut step = Step::new(
        "unit tests, and the behaviour that takes seconds",
        &[
            "test",
            "--workspace",
            "--exclude=cachemacro-instructions",
            "--exclude=cachemacro-shuttle",
            "--all-features",
            "--no-fail-fast",
            "--lib",
            "--bins",
        ],
    );
    step.arguments.extend(quick_binaries()?.into_iter().map(|name| format!("--test={name}")));
    let outcome = steps::run(&[step]);
    println!("\nLeft out: doctests, examples, instructions, interleavings, and these test binaries:");
    for (name, reason) in NOT_QUICK {
        println!("  {name}: {reason}");
    }
    outcome
}

/// The test binaries of the workspace without those that are left out, so that a new one is in.
fn quick_binaries() -> Result<Vec<String>, String> {
    let metadata = metadata::read()?;
    let members = array(&metadata, "workspace_members")?;
    let mut names = Vec::new();
    for package in array(&metadata, "packages")?.iter().filter(|package| members.contains(&package["id"])) {
        if ["cachemacro-instructions", "cachemacro-shuttle"].contains(&text(package, "name")?) {
            continue;
        }
        for target in array(package, "targets")?.iter().filter(|target| target["kind"][0] == "test") {
            let name = text(target, "name")?;
            if NOT_QUICK.iter().all(|(left_out, _)| *left_out != name) {
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}
