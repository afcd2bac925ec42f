//! `cargo xtask bench`: measures what a cached call costs, prints which goals are reached, and writes docs/PERFORMANCE.md.

/// Sees to the server that the benchmarks start, then runs them: all, or the named cases, which are printed only. They are a
/// workspace of their own, so that nothing else compiles the caches that they compare.
pub(crate) fn run(cases: &[&str]) -> Result<(), String> {
    crate::programs::provide()?;
    let mut command = crate::cargo();
    command.args(["bench", "--manifest-path=benches/Cargo.toml"]);
    if !cases.is_empty() {
        command.env("CACHEMACRO_BENCH_ONLY", cases.join(","));
    }
    let status = command.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the benchmarks ended with {status}")) }
}
