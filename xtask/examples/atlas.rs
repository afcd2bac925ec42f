//! `cargo run --example atlas`, from the root of the repository: a service over 34,006 cities (`examples/atlas`).

mod launch;

fn main() -> std::process::ExitCode {
    launch::run("atlas")
}
