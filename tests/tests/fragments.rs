//! Annotated functions that a `macro_rules!` macro writes: a fragment stays one expression.

#![deny(warnings)]
#![allow(
    clippy::overly_complex_bool_expr,
    clippy::nonminimal_bool,
    clippy::let_and_return,
    reason = "what users write in macros"
)]

use cachemacro::{CacheEvent, cached, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "fragment.changed", key = "fragment:<id>")]
struct Changed {
    id: u64,
}

macro_rules! functions {
    ($vis:vis, $name:ident, $ty:ty, $by:ty, $e:expr, $cond:expr, $make:expr, $negative:literal, $pat:pat, $block:block, $path:path, $stmt:stmt, $range:expr, $ttl:literal) => {
        $vis mod $name {
            use super::*;

            #[cached(key = "twice:<id>", ttl_only = "a test", hard_ttl = $ttl)]
            $vis async fn twice(id: $ty) -> u64 {
                id + $e * 2
            }

            #[cached(key = "by:<id>", ttl_only = "a test", hard_ttl = "1m")]
            $vis async fn by_reference(id: $by) -> u64 {
                u64::from(!$cond) + *id
            }

            #[cached(key = "made:<id>", ttl_only = "a test", hard_ttl = "1m", local)]
            $vis fn made(id: u64) -> i64 {
                $stmt;
                let made = $make(id);
                let text = $path(made);
                let found = match text.len() {
                    $pat => $negative.abs(),
                    _ => i64::from($block),
                };
                found + i64::try_from($range.count()).unwrap_or(0)
            }

            #[cached(key = "plain:<id>", ttl_only = "a test", hard_ttl = "1m", version_from = |value| *value + $e * 2)]
            $vis async fn versioned(id: u64) -> u64 {
                id
            }

            #[invalidates(Changed { id: $e * 2 })]
            $vis async fn changed() -> u64 {
                $e * 2
            }
        }
    };
}

functions!(pub(crate), written, u64, &u64, 1 + 1, true && false, |id: u64| id + 1, -3i64, 1 | 2, {
        let five = 2u8;
        five
    }, expensive::text, let _unused = 1, 0..3, "1m");

mod expensive {
    pub(crate) fn text(number: u64) -> String {
        number.to_string()
    }
}

#[tokio::test]
async fn a_fragment_is_one_expression() {
    assert_eq!(written::twice(10).await, 14);
    assert_eq!(written::by_reference(&1).await, 2);
    assert_eq!(written::made(1), 6, "3, and the length of the range");
    assert_eq!(written::versioned(4).await, 4);
    assert_eq!(written::changed().await, 4);
}
