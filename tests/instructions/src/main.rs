//! Makes one kind of call again and again, so that a profiler can count its instructions.
//!
//! Arguments: the call's name in [`calls::ALL`], and how often. Without any it lists the names, each with what it is.

mod calls;

use std::process::ExitCode;

use cachemacro::Cache;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, times)) = arguments.first().zip(arguments.get(1).and_then(|times| times.parse().ok())) else {
        calls::ALL.iter().for_each(|call| println!("{}\t{}", call.name, call.what));
        return ExitCode::SUCCESS;
    };
    let Some(call) = calls::ALL.iter().find(|call| call.name == name) else {
        eprintln!("there is no call `{name}`: without arguments they are listed");
        return ExitCode::FAILURE;
    };
    Cache::builder().build().install().expect("this process has no other");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on((call.run)(times));
    ExitCode::SUCCESS
}
