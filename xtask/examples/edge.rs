//! `cargo run --example edge`, from the root of the repository: what a reader sees at a CDN, before and after an event (`examples/edge`).

mod launch;

fn main() -> std::process::ExitCode {
    launch::run("edge")
}
