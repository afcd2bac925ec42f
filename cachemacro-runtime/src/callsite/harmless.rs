//! Types that hold no connection behind a unique borrow, by their names.

use super::connection::{ends, is_pool_path, next_path, skip_arguments};

/// Crates whose types hold values of their type arguments only.
const CRATES: &[&str] = &[
    "alloc",
    "arrayvec",
    "bytes",
    "cachemacro_runtime",
    "chrono",
    "core",
    "fastrand",
    "hashbrown",
    "indexmap",
    "rand",
    "rand_chacha",
    "rand_core",
    "rand_pcg",
    "rand_xorshift",
    "rand_xoshiro",
    "rust_decimal",
    "serde_json",
    "smallvec",
    "std",
    "time",
    "uuid",
];

/// Traits that no connection implements. A trait object of any other trait may be a connection.
const TRAITS: &[&str] = &["Rng", "RngCore", "TryRngCore", "CryptoRng", "Write", "Hasher", "BufMut"];

/// Whether a type of this name holds only types of these crates, or of the language.
pub(super) fn is_harmless(type_name: &str) -> bool {
    let mut rest = type_name;
    let mut is_object = false;
    while let Some((path, after)) = next_path(rest) {
        let (krate, name) = ends(path);
        if path.contains("::") {
            let is_known = is_pool_path(path) || CRATES.contains(&krate) && (!is_object || TRAITS.contains(&name));
            if !is_known {
                return false;
            }
        }
        is_object = path == "dyn";
        let holds_nothing = path == "fn" || name == "PhantomData" || is_pool_path(path);
        rest = if holds_nothing { skip_arguments(after) } else { after };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_and_generators_are_harmless() {
        for name in [
            "&mut alloc::vec::Vec<u8>",
            "core::option::Option<&mut std::collections::hash::map::HashMap<u64, alloc::string::String>>",
            "&mut [u8; 4]",
            "&mut rand::rngs::std::StdRng",
            "&mut dyn rand_core::RngCore",
            "&mut dyn core::fmt::Write",
            "core::pin::Pin<&mut (u8, f64)>",
            "&mut sqlx_core::pool::Pool<sqlx_sqlite::database::Sqlite>",
            "&mut fn(&mut app::Unit) -> u8",
            "&mut core::marker::PhantomData<app::Unit>",
            "&mut (dyn rand_core::RngCore + core::marker::Send)",
        ] {
            assert!(is_harmless(name), "{name}");
        }
    }

    #[test]
    fn all_else_may_hold_a_connection() {
        for name in [
            "&mut app::Unit",
            "&mut alloc::vec::Vec<app::Row>",
            "&mut sqlx_sqlite::connection::SqliteConnection",
            "&mut dyn app::Users",
            "&mut dyn core::any::Any",
            "&mut dyn core::ops::function::FnMut(u64) -> u64",
            "&mut app::find::{{closure}}",
            "&mut core::iter::adapters::map::Map<core::ops::range::Range<u8>, app::find::{{closure}}>",
        ] {
            assert!(!is_harmless(name), "{name}");
        }
    }
}
