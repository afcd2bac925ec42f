//! Functions that `build.rs` writes at random: no two instances share an entry.

use std::marker::PhantomData;
use std::pin::Pin;
use std::process::Command;

use cachemacro::{Cache, KeyPart, KeyWriter, cached};

use crate::{CACHE, cache, open, server};

#[allow(dead_code, reason = "which are used is random")]
mod functions {
    use super::*;

    include!(concat!(env!("OUT_DIR"), "/functions.rs"));
}

/// A call of one instance.
struct Call {
    expected: String,
    /// Whether another instance of the program has the same name.
    is_alike: bool,
    run: fn() -> Pin<Box<dyn Future<Output = String>>>,
}

trait Named {
    const NAME: &'static str;
}

mod a {
    #[derive(Clone, Default)]
    pub(super) struct User;
    #[derive(Clone, Default)]
    pub(super) struct Order;
}

mod b {
    #[derive(Clone, Default)]
    pub(super) struct User;
    #[derive(Clone, Default)]
    pub(super) struct Order;
}

macro_rules! named {
    ($($ty:ty = $name:literal),*) => { $(impl Named for $ty { const NAME: &'static str = $name; })* };
}
named!(
    a::User = "a::User", a::Order = "a::Order", b::User = "b::User", b::Order = "b::Order", u8 = "u8", String = "String",
    Vec<b::User> = "Vec<b::User>", (u8, a::User) = "(u8, a::User)"
);

/// One, in a key, whatever the type.
struct One<T>(PhantomData<fn() -> T>);

impl<T> Default for One<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for One<T> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<T> KeyPart for One<T> {
    type Canonical = Self;
    fn canonical(&self) -> &Self {
        self
    }
    fn render(&self, out: &mut KeyWriter) {
        1_u64.render(out);
    }
}

impl<T: Named> Named for One<T> {
    const NAME: &'static str = T::NAME;
}

fn a_default<T: Default>() -> T {
    T::default()
}

const fn name_of<T: Named>(_: &T) -> &'static str {
    T::NAME
}

/// All calls in a random order.
fn shuffled(seed: u64) -> Vec<Call> {
    let mut calls = functions::calls();
    fastrand::Rng::with_seed(functions::SEED ^ seed).shuffle(&mut calls);
    calls
}

async fn check(calls: &[Call]) {
    for call in calls {
        assert_eq!((call.run)().await, call.expected, "CACHEMACRO_SEED={}", functions::SEED);
    }
}

fn loads() -> u64 {
    cache().stats().functions.iter().map(|function| function.loads).sum()
}

#[tokio::test]
async fn no_two_instances_share_an_entry_in_a_process() {
    println!("CACHEMACRO_SEED={}", functions::SEED);
    CACHE.set(Some(Cache::builder().build()));
    let calls = shuffled(1);
    assert!(calls.len() >= 40, "{}", calls.len());
    let mut expected: Vec<_> = calls.iter().map(|call| &call.expected).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(expected.len(), calls.len(), "every instance has a value of its own");
    for seed in 1..4 {
        check(&shuffled(seed)).await;
        assert_eq!(loads(), calls.len() as u64, "each instance is loaded once");
    }
}

#[tokio::test]
async fn no_two_instances_share_an_entry_on_a_server() {
    println!("CACHEMACRO_SEED={}", functions::SEED);
    let server = server();
    check(&shuffled(1)).await;
    check(&shuffled(2)).await;
    open(&server.url());
    check(&shuffled(3)).await;
    let alike = shuffled(3).iter().filter(|call| call.is_alike).count();
    assert!(alike > 0);
    assert_eq!(loads(), alike as u64, "another process finds all others");
}

const URL: &str = "CACHEMACRO_TEST_URL";
const ORDER: &str = "CACHEMACRO_TEST_ORDER";

/// Run by the test below: a random half of the calls.
#[tokio::test]
async fn one_process() {
    let (Ok(url), Ok(order)) = (std::env::var(URL), std::env::var(ORDER)) else { return };
    open(&url);
    let calls = shuffled(order.parse().expect("a number"));
    check(&calls[..calls.len() / 2]).await;
}

#[tokio::test]
async fn no_two_instances_share_an_entry_of_processes_that_know_some_of_them() {
    println!("CACHEMACRO_SEED={}", functions::SEED);
    let server = server();
    for order in 10..22 {
        let test = std::env::current_exe().expect("this test");
        let arguments = ["random::one_process", "--exact", "--test-threads=1"];
        let process = Command::new(test).args(arguments).env(URL, server.url()).env(ORDER, order.to_string()).output();
        let output = process.expect("it runs");
        assert!(output.status.success(), "process {order}:\n{}", String::from_utf8_lossy(&output.stdout));
    }
}
