//! What annotations cost at compile time: 200 functions bare, with `cached` and with ours; and a clean build of each library.

mod cargo;
mod workspace;

use std::path::Path;

use cachemacro_benches::effort::Effort;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::sample::Sample;
use cachemacro_benches::table::{self, Table};
use cachemacro_benches::turns;

use self::cargo::{Cargo, code};
use self::workspace::{DEPENDENTS, KINDS, Kind, generate};

const FUNCTIONS: usize = 200;
/// Fewer, so that what all programs have in common is no function's.
const FEW: usize = 20;

/// Times of one kind, round by round, in nanoseconds.
#[derive(Clone, Default)]
struct Times {
    check: Sample,
    build: Sample,
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile");
    generate(&folder, &[FEW, FUNCTIONS]);
    let cargo = Cargo { folder: &folder };
    let times = functions(&cargo, if effort.is_quick { 2 } else { effort.rounds(7) });
    let mut findings = Findings::new(format!(
        "## Compile time\n\n{FUNCTIONS} functions `async fn(id: u64) -> Result<Option<User>, Failed>` in one program, whose dependencies are compiled: \
         bare, with `cached` (`max_size`, `ttl_secs`), with ours (version, event, soft, hard and negative TTL). In turns, without incremental compilation; \
         bytes of code in a release build.\n\n{}",
        summary(effort, &cargo, &times)
    ));
    let added = |kind: Kind| times[kind as usize].build.minus(&times[Kind::Bare as usize].build);
    let (ours, cached) = (added(Kind::Ours), added(Kind::Cached));
    let ratio = ours.over(&cached);
    findings.sample("compile.functions", &ratio, "");
    let each = |sample: &Sample| table::time(sample.median() / FUNCTIONS as f64);
    findings.conclusions.push(format!(
        "**An annotated function** adds {} to a debug build, one of `cached` {} ({:.2} times).",
        each(&ours),
        each(&cached),
        ratio.median()
    ));
    clean(effort, &cargo, &mut findings);
    findings
}

fn functions(cargo: &Cargo<'_>, rounds: usize) -> Vec<Times> {
    let packages: Vec<String> = KINDS.iter().map(|kind| kind.package(FUNCTIONS)).collect();
    for package in &packages {
        cargo.run("target", &["check", "--package", package]);
        cargo.run("target", &["build", "--package", package]);
    }
    let mut times = vec![Times::default(); KINDS.len()];
    for who in turns::order(rounds, packages.len()) {
        let package = packages[who].as_str();
        let check = cargo.rerun("target", package, &["check", "--package", package]);
        let build = cargo.rerun("target", package, &["build", "--package", package]);
        times[who].check.push(check.as_nanos() as f64);
        times[who].build.push(build.as_nanos() as f64);
    }
    times
}

fn summary(effort: &Effort, cargo: &Cargo<'_>, times: &[Times]) -> String {
    let mut table = Table::new(&["", "check", "quartiles", "build", "quartiles", "code a function"]);
    for (kind, times) in KINDS.into_iter().zip(times) {
        // Release builds of all programs take a minute.
        let code = if effort.is_quick { None } else { code_of_a_function(cargo, kind) };
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

/// Builds of an empty library with one dependency, each from nothing, in turns.
fn clean(effort: &Effort, cargo: &Cargo<'_>, findings: &mut Findings) {
    let dependents = if effort.is_quick { &DEPENDENTS[..2] } else { &DEPENDENTS[..] };
    let mut times = vec![Sample::default(); dependents.len()];
    let mut crates = vec![0; dependents.len()];
    // The third is for information, and is built once.
    let once = 2..dependents.len();
    for who in turns::order(if effort.is_quick { 1 } else { 3 }, 2).chain(once) {
        let package = dependents[who].0;
        let target = format!("clean-{package}");
        let _ = std::fs::remove_dir_all(cargo.folder.join(&target));
        let run = cargo.run(&target, &["build", "--package", package]);
        let _ = std::fs::remove_dir_all(cargo.folder.join(&target));
        times[who].push(run.took.as_nanos() as f64);
        // The empty library is one of them.
        crates[who] = run.crates - 1;
    }
    let mut table = Table::new(&["", "crates", "time", "quartiles"]);
    for (((_, name, _), crates), times) in dependents.iter().zip(crates).zip(&times) {
        table.row(&[(*name).to_owned(), crates.to_string(), table::time(times.median()), table::spread(times)]);
    }
    findings.text += &format!(
        "### A clean build\n\nIn turns, a debug build of an empty library that depends on it.\n\n{}",
        table.markdown()
    );
    findings.sample("compile.clean", &times[0].over(&times[1]), "");
}
