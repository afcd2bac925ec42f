//! `cargo xtask soak`: the checkers with ten times as many reads as in `cargo xtask test`, for races that are lost seldom.

use crate::steps::{self, Step};

pub(crate) fn run() -> Result<(), String> {
    crate::programs::provide()?;
    steps::run(&[
        Step {
            environment: &[("CACHEMACRO_CHECK_READS", "1000000")],
            ..Step::new("one process", &["test", "--package=cachemacro-tests", "--test=checker", "--", "--nocapture"])
        },
        Step {
            environment: &[("CACHEMACRO_CHECK_READS", "290000")],
            ..Step::new("a fleet", &["test", "--package=cachemacro-tests", "--test=fleet", "--", "--nocapture"])
        },
    ])
}
