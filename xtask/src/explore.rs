//! `cargo xtask explore`: what `tests/explore` looks at, with more states than a test has time for.

/// With `rules` every rule of the protocol is switched off once instead; a number is that of the states of each world.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let status = crate::cargo().args(["run", "--package=cachemacro-explore", "--"]).args(arguments).status();
    match status.map_err(|error| format!("cannot start cargo: {error}"))?.success() {
        true => Ok(()),
        false => Err("the exploration found a violation, or did not run".to_owned()),
    }
}
