//! `cargo run --example browser`, from the root of the repository: what each request of a page was answered (`examples/browser`).

mod launch;

fn main() -> std::process::ExitCode {
    launch::run("browser")
}
