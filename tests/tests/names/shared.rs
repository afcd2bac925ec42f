//! Functions and instances that would have one name.

use std::marker::PhantomData;

use cachemacro::strategy::Problem;
use cachemacro::{FindingKind, cached, strategy};

use crate::{cache, names, open, server};

mod two_blocks {
    use super::*;

    pub(super) async fn first() -> u64 {
        block(true).await
    }
    pub(super) async fn second() -> u64 {
        block(false).await
    }
    async fn block(is_first: bool) -> u64 {
        if is_first {
            #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
            async fn inner() -> u64 {
                1
            }
            inner().await
        } else {
            #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
            async fn inner() -> u64 {
                2
            }
            inner().await
        }
    }
}

#[tokio::test]
async fn functions_of_one_name_are_not_stored_though_only_one_was_called() {
    let server = server();
    for _ in 0..2 {
        assert_eq!(two_blocks::first().await, 1);
    }
    assert_eq!(names(&server), [""; 0]);
    let stats = cache().stats();
    let inner = stats.function("inner").expect("it was called");
    assert_eq!((inner.loads, inner.refused.shared_name, inner.store_errors), (2, 2, 0));
    let findings = cache().findings();
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].function, findings[0].kind), ("inner", FindingKind::SharedName));
    assert_eq!(two_blocks::second().await, 2);
    assert_eq!(names(&server), [""; 0]);
}

mod with_names {
    use super::*;

    pub(super) async fn both() -> [u64; 2] {
        let first = {
            #[cached(key = "x", name = "first", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
            async fn named() -> u64 {
                1
            }
            named().await
        };
        let second = {
            #[cached(key = "x", name = "second", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
            async fn named() -> u64 {
                2
            }
            named().await
        };
        [first, second]
    }
}

#[tokio::test]
async fn names_of_their_own_are_the_remedy() {
    let server = server();
    assert_eq!(with_names::both().await, [1, 2]);
    assert_eq!(names(&server), ["first", "second"]);
    open(&server.url());
    assert_eq!(with_names::both().await, [1, 2]);
    let loads: u64 = cache().stats().functions.iter().map(|function| function.loads).sum();
    assert_eq!(loads, 0, "another process finds both");
    cache().assert_no_findings();
}

struct Table<T>(PhantomData<T>);

trait Named {
    const NAME: &'static str;
}

impl<T: Named> Table<T> {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn name() -> String {
        T::NAME.to_owned()
    }
}

async fn first_local() -> String {
    local(true).await
}

async fn second_local() -> String {
    local(false).await
}

async fn local(is_first: bool) -> String {
    if is_first {
        struct Local;
        impl Named for Local {
            const NAME: &'static str = "first";
        }
        Table::<Local>::name().await
    } else {
        struct Local;
        impl Named for Local {
            const NAME: &'static str = "second";
        }
        Table::<Local>::name().await
    }
}

#[tokio::test]
async fn types_of_one_name_are_not_stored_once_both_are_known() {
    let server = server();
    assert_eq!(first_local().await, "first");
    assert_eq!(
        names(&server),
        ["names::shared::Table<names::shared::local::~closure~::Local>::name"],
        "nothing speaks against it"
    );
    assert_eq!(second_local().await, "second", "not what the first has stored");
    assert_eq!(first_local().await, "first");
    // The rest in the server belongs to neither.
    server.command(&["FLUSHALL"]).expect("it answers");
    for _ in 0..2 {
        assert_eq!(second_local().await, "second");
        assert_eq!(first_local().await, "first");
    }
    assert_eq!(names(&server), [""; 0]);
    assert_eq!(cache().findings().len(), 2);
    let problems = strategy().problems().to_vec();
    let name = "names::shared::Table<names::shared::local::{{closure}}::Local>::name";
    assert!(
        problems.iter().any(|problem| matches!(problem, Problem::TypesLookAlike { name: found, .. } if found == name)),
        "{problems:?}"
    );
}

#[test]
fn the_strategy_names_functions_of_one_name() {
    let error = strategy().verify().expect_err("there are some here");
    let shared = |problem: &&Problem| matches!(problem, Problem::NameShared { name, .. } if name.contains("shared::"));
    let shared: Vec<String> = error.problems().iter().filter(shared).map(ToString::to_string).collect();
    assert_eq!(
        shared,
        ["2 functions are called `names::shared::two_blocks::block::{{closure}}::inner` in a shared store \
          (`names::shared::two_blocks::inner`), so none of them is stored there: give each a different name, \
          `name = \"…\"`"]
    );
}
