//! `cargo run --example fleet`, from the root of the repository: four processes on one Redis (`examples/fleet`).

mod launch;

fn main() -> std::process::ExitCode {
    launch::run("fleet")
}
