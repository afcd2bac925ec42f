//! Compiles this package with `cfg(shuttle)`: the runtime's source then takes the model checker's locks (`sync.rs`).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=shuttle");
}
