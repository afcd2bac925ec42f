//! What annotations cost at compile time: 200 functions bare, with `cached` and with ours. Writes its section of
//! docs/PERFORMANCE.md; `src/effort.rs` tells the settings.

mod cargo;
mod workspace;

use std::path::Path;

use cachemacro_benches::effort::Effort;
use cachemacro_benches::promise::{self, Promise};
use cachemacro_benches::report::Report;
use cachemacro_benches::sample::Sample;
use cachemacro_benches::table::{self, Table};

use crate::cargo::{Cargo, code};
use crate::workspace::{DEPENDENTS, KINDS, Kind, generate};

const FUNCTIONS: usize = 200;
/// Fewer, so that what all programs have in common is no function's.
const FEW: usize = 20;

/// Times of one kind, round by round, in nanoseconds.
#[derive(Clone, Default)]
struct Times {
    check: Sample,
    build: Sample,
}

fn main() {
    let effort = Effort::from_environment();
    if !effort.includes("compile") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile");
    generate(&folder, &[FEW, FUNCTIONS]);
    let cargo = Cargo { folder: &folder };
    let times = functions(&cargo, effort.rounds(4));
    let mut text = format!(
        "## Compile time\n\n{FUNCTIONS} functions `async fn(id: u64) -> Result<Option<User>, Failed>` in one program, whose dependencies are compiled: \
         bare, with `cached` (`max_size`, `ttl_secs`), with ours (version, event, soft, hard and negative TTL). In turns, without incremental compilation; \
         bytes of code in a release build.\n\n{}",
        summary(&cargo, &times)
    );
    let added = |kind: Kind| times[kind as usize].build.median() - times[Kind::Bare as usize].build.median();
    let promise = Promise::at_most(
        "200 annotated functions: added build time beside `cached`'s",
        added(Kind::Ours) / added(Kind::Cached),
        1.0,
    )
    .because(
        "by rustc's self-profile, a function of ours is 15 bodies to check, one of `cached` nine: version, events, absences and the \
         codec of a shared store are closures and statics of their own. Type checks come first, then borrow checks and the proofs that futures are `Send`.",
    );
    text += &promise::table(&[promise]);
    if !effort.is_quick {
        text += &format!(
            "### A clean build\n\nOnce each, a debug build of an empty library that depends on it.\n\n{}",
            clean(&cargo)
        );
    }
    let mut report = Report::default();
    report.add("compile", text);
    if effort.is_full() {
        report.write();
    }
}

fn functions(cargo: &Cargo<'_>, rounds: usize) -> Vec<Times> {
    let packages: Vec<String> = KINDS.iter().map(|kind| kind.package(FUNCTIONS)).collect();
    for package in &packages {
        cargo.run("target", &["check", "--package", package]);
        cargo.run("target", &["build", "--package", package]);
    }
    let mut times = vec![Times::default(); KINDS.len()];
    for round in 0..rounds {
        for place in 0..packages.len() {
            let who = (place + round) % packages.len();
            let package = packages[who].as_str();
            let check = cargo.rerun("target", package, &["check", "--package", package]);
            let build = cargo.rerun("target", package, &["build", "--package", package]);
            times[who].check.push(check.as_nanos() as f64);
            times[who].build.push(build.as_nanos() as f64);
        }
    }
    times
}

fn summary(cargo: &Cargo<'_>, times: &[Times]) -> String {
    let mut table = Table::new(&["", "check", "quartiles", "build", "quartiles", "code a function"]);
    for (kind, times) in KINDS.into_iter().zip(times) {
        let code = code_of_a_function(cargo, kind);
        table.row(&[
            kind.name().to_owned(),
            table::time(times.check.median()),
            table::spread(&times.check),
            table::time(times.build.median()),
            table::spread(&times.build),
            code.map_or_else(|| "–".to_owned(), |bytes| format!("{bytes} bytes")),
        ]);
    }
    table.markdown()
}

/// What one function more adds to a release build.
fn code_of_a_function(cargo: &Cargo<'_>, kind: Kind) -> Option<u64> {
    let [few, all] = [FEW, FUNCTIONS].map(|functions| {
        let package = kind.package(functions);
        cargo.run("target", &["build", "--release", "--package", &package]);
        code(&cargo.folder.join("target/release").join(package))
    });
    Some(all?.saturating_sub(few?) / (FUNCTIONS - FEW) as u64)
}

fn clean(cargo: &Cargo<'_>) -> String {
    let mut table = Table::new(&["", "crates", "time"]);
    for (package, name, _) in DEPENDENTS {
        let target = format!("clean-{package}");
        let _ = std::fs::remove_dir_all(cargo.folder.join(&target));
        let run = cargo.run(&target, &["build", "--package", package]);
        let _ = std::fs::remove_dir_all(cargo.folder.join(&target));
        // The empty library is one of them.
        table.row(&[name.to_owned(), (run.crates - 1).to_string(), table::time(run.took.as_nanos() as f64)]);
    }
    table.markdown()
}
