//! Two processes of one program, of which each calls only one of two instances that look alike.

use std::marker::PhantomData;
use std::process::Command;

use cachemacro::cached;

use crate::{cache, names, open, server};

const URL: &str = "CACHEMACRO_TEST_URL";
const WHICH: &str = "CACHEMACRO_TEST_WHICH";

trait Named {
    const NAME: &'static str;
}

struct Table<T>(PhantomData<T>);

impl<T: Named> Table<T> {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn of_type() -> String {
        T::NAME.to_owned()
    }
}

trait Default: Named {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn of_self() -> String {
        Self::NAME.to_owned()
    }
}

#[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", skip(of), cache = cache())]
async fn of_closure<F: Fn() -> &'static str + Clone + Send + Sync + 'static>(of: F) -> String {
    of().to_owned()
}

#[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
async fn of_nothing() -> String {
    "shared".to_owned()
}

#[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
async fn of_known<T, const N: usize>() -> String {
    assert_eq!((N, size_of::<T>()), (7, size_of::<Vec<u8>>()));
    "shared".to_owned()
}

async fn all(which: &str) -> Vec<String> {
    let mut all = if which == "first" {
        struct Local;
        impl Named for Local {
            const NAME: &'static str = "first";
        }
        impl Default for Local {}
        vec![Table::<Local>::of_type().await, Local::of_self().await, of_closure(|| "first").await]
    } else {
        struct Local;
        impl Named for Local {
            const NAME: &'static str = "second";
        }
        impl Default for Local {}
        vec![Table::<Local>::of_type().await, Local::of_self().await, of_closure(|| "second").await]
    };
    all.push(of_nothing().await);
    all.push(of_known::<Vec<u8>, 7>().await);
    all
}

/// Run by the test below.
#[tokio::test]
async fn one_process() {
    let (Ok(url), Ok(which)) = (std::env::var(URL), std::env::var(WHICH)) else { return };
    open(&url);
    let expected = [&which, &which, &which, "shared", "shared"];
    assert_eq!(all(&which).await, expected);
    assert_eq!(all(&which).await, expected);
    let loads: u64 = cache().stats().functions.iter().map(|function| function.loads).sum();
    println!("loads={loads}");
}

fn run(url: &str, which: &str) -> String {
    let test = std::env::current_exe().expect("this test");
    let arguments = ["processes::one_process", "--exact", "--nocapture", "--test-threads=1"];
    let output = Command::new(test).args(arguments).env(URL, url).env(WHICH, which).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{which}:\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test]
async fn what_one_process_stores_is_not_served_to_a_lookalike_in_another() {
    let server = server();
    assert!(run(&server.url(), "first").contains("loads=5"));
    assert_eq!(names(&server).len(), 5);
    assert!(run(&server.url(), "first").contains("loads=0"), "another process of the same program finds all");
    assert!(run(&server.url(), "second").contains("loads=3"), "what has a name of its own is shared");
    assert!(run(&server.url(), "first").contains("loads=3"));
}
