//! `cargo xtask instructions`: counts the instructions of the hot paths, and writes docs/instructions.md.

/// Sees to the program that counts, then has the test write its table instead of comparing with it.
pub(crate) fn run() -> Result<(), String> {
    crate::programs::provide()?;
    let status = crate::cargo()
        .args(["test", "--package=cachemacro-instructions", "--release", "--", "--nocapture"])
        .env("CACHEMACRO_WRITE_COUNTS", "1")
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the count ended with {status}")) }
}
