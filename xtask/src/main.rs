//! The workspace's own commands, so that a developer's machine and CI run the same thing.
//!
//! | command | does |
//! |---|---|
//! | `cargo xtask test` | every test of the workspace, doctests and the model checker included; installs Redis for them where it is missing |
//! | `cargo xtask explore [states]` | explores the protocol: three million states of each world; with `rules`, without one of its rules each |
//! | `cargo xtask test --quick` | those tests that together take less than five minutes on two cores, and says which it leaves out |
//! | `cargo xtask soak` | ten times as many reads, on one process and on a fleet, as `cargo xtask test` |
//! | `cargo xtask mutants [name…]` | switches one mechanism of the protocol after the other off, and expects the tests to find out |
//! | `cargo xtask instructions` | counts the instructions of the hot paths, and writes docs/instructions.md |
//! | `cargo xtask bench [case…]` | measures, beside other caches, what a cached call costs, prints which goals are reached, and writes docs/PERFORMANCE.md; with cases, prints those |
//! | `cargo xtask fuzz [seconds]` | builds the fuzz targets with coverage, on a stable compiler, and runs each for ten seconds or so many |
//! | `cargo xtask msrv` | checks that no dependency of a published crate needs a newer Rust than the workspace states |
//! | `cargo xtask minimal-versions` | builds the published crates with the oldest dependencies that they allow |
//! | `cargo xtask public-api` | compares the public items of the published crates with docs/public-api/; with `--write`, writes the listings |
//! | `cargo xtask package` | packages every published crate, builds each from its package, and documents them as docs.rs does |

mod bench;
mod explore;
mod fuzz;
mod instructions;
mod metadata;
mod minimal_versions;
mod msrv;
mod mutants;
mod package;
mod programs;
mod public_api;
mod soak;
mod steps;
mod test;

use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask <command>

  test    run every test of the workspace; installs Redis for them where it is missing and apt-get may be used
  explore [states | rules]
          explore the protocol, three million states of each world, or without one of its rules each
  test --quick
          run those that together take less than five minutes, and say which are left out
  soak    check ten times as many reads, in one process and on a fleet, as the tests do
  mutants [name ...]
          switch mechanisms of the protocol off, all or the named, and see the tests fail
  instructions
          count the instructions of the hot paths, and write docs/instructions.md
  bench [case ...]
          measure what a cached call costs, beside other caches, print which goals are reached, and write
          docs/PERFORMANCE.md; with cases, print those
  fuzz [seconds]
          build the fuzz targets with coverage, and run each for ten seconds or so many
  msrv    check the dependencies of the published crates against the workspace's rust-version
  minimal-versions
          build the published crates with the oldest dependencies that they allow
  public-api [--write]
          compare the public items of the published crates with docs/public-api/, or write the listings
  package package every published crate, build each from its package, and document them as docs.rs does";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bench", ref cases @ ..] => bench::run(cases),
        ["explore", ref arguments @ ..] => explore::run(arguments),
        ["instructions"] => instructions::run(),
        ["test"] => test::run(),
        ["test", "--quick"] => test::quick(),
        ["soak"] => soak::run(),
        ["mutants", ref names @ ..] => mutants::run(names),
        ["fuzz"] => fuzz::run(None),
        ["fuzz", seconds] => fuzz::run(Some(seconds)),
        ["msrv"] => msrv::run(),
        ["minimal-versions"] => minimal_versions::run(),
        ["package"] => package::run(),
        ["public-api"] => public_api::run(false),
        ["public-api", "--write"] => public_api::run(true),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The cargo that runs us, so that `cargo +1.88 xtask test` tests with 1.88; in the workspace, wherever it was called.
fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo
}
