//! `cargo xtask bench`: measures what a cached call costs, and writes docs/PERFORMANCE.md.

/// Sees to the server that the benchmarks start, then runs them. They are a workspace of their own, so that nothing else
/// compiles the caches that they compare.
pub(crate) fn run() -> Result<(), String> {
    crate::programs::provide()?;
    let status = crate::cargo()
        .args(["bench", "--manifest-path=benches/Cargo.toml"])
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the benchmarks ended with {status}")) }
}
