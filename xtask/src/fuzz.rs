//! `cargo xtask fuzz`: builds the fuzz targets with the compiler that is here, and runs each for a bounded time.
//!
//! The targets are those of cargo-fuzz. Its coverage instrumentation is a pass of LLVM, which a stable compiler has, too; only
//! the address sanitizer needs nightly, and the code that is fuzzed is safe Rust.

use std::path::{Path, PathBuf};
use std::{fs, io};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz");
const TARGET_DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/fuzz");
/// Those of cargo-fuzz without a sanitizer.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions";
/// Seconds for each target, if none are named.
const SECONDS: &str = "10";

/// Runs every target for so many seconds, beginning with its corpus and its seeds. New inputs go into the corpus, which git
/// ignores; one that fails is written to `fuzz/artifacts`.
pub(crate) fn run(seconds: Option<&str>) -> Result<(), String> {
    let seconds = seconds.unwrap_or(SECONDS);
    seconds.parse::<u32>().map_err(|_| format!("`{seconds}` is no number of seconds"))?;
    crate::programs::provide_compiler()?;
    let host = host()?;
    let targets = targets().map_err(|error| format!("cannot list the fuzz targets: {error}"))?;
    build(&host)?;
    let failed: Vec<&str> =
        targets.iter().map(String::as_str).filter(|target| !is_fine(target, &host, seconds)).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "failed: {}. The inputs are in fuzz/artifacts; a target runs one that is its argument.",
        failed.join(", ")
    ))
}

/// The platform of the compiler. With a `--target` the flags do not reach build scripts, which have no fuzzer to report to.
fn host() -> Result<String, String> {
    let rustc = std::process::Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .map_err(|error| format!("cannot start rustc: {error}"))?;
    let text = String::from_utf8_lossy(&rustc.stdout).into_owned();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| format!("rustc names no host: {text}"))
}

/// A target is a file.
fn targets() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(Path::new(FOLDER).join("fuzz_targets"))? {
        let path = file?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort_unstable();
    Ok(names)
}

fn build(host: &str) -> Result<(), String> {
    let status = crate::cargo()
        .args(["build", "--release", "--locked", "--manifest-path=fuzz/Cargo.toml", "--target", host])
        .args(["--target-dir", TARGET_DIR])
        .env("RUSTFLAGS", RUSTFLAGS)
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the fuzz targets do not build: {status}")) }
}

fn is_fine(target: &str, host: &str, seconds: &str) -> bool {
    println!("\n==> {target}, for {seconds} s");
    let program = PathBuf::from(TARGET_DIR).join(host).join("release").join(target);
    let [corpus, seeds, artifacts] =
        ["corpus", "seeds", "artifacts"].map(|kind| Path::new(FOLDER).join(kind).join(target));
    if let Err(error) = fs::create_dir_all(&corpus).and_then(|()| fs::create_dir_all(&artifacts)) {
        eprintln!("cannot make {}: {error}", corpus.display());
        return false;
    }
    let status = std::process::Command::new(program)
        .arg(corpus)
        .args(seeds.is_dir().then_some(seeds))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-verbosity=0", "-print_final_stats=1"])
        .status();
    match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot start {target}: {error}");
            false
        }
    }
}
