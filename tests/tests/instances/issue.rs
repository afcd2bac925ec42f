//! Generic, associated, trait-default and `impl Trait` functions, as they were found to share entries.

use std::fmt::Debug;
use std::marker::PhantomData;

use cachemacro::{KeyPart, cached};

trait Named {
    const NAME: &'static str;
}
struct A;
struct B;
impl Named for A {
    const NAME: &'static str = "a";
}
impl Named for B {
    const NAME: &'static str = "b";
}

struct Table<T>(PhantomData<T>);

impl<T: Named + Send + Sync + 'static> Table<T> {
    #[cached(key = "count:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn count(id: u64) -> String {
        format!("{}{id}", T::NAME)
    }
}

trait Model {
    const TABLE: &'static str;
    #[cached(key = "count:all", ttl_only = "x", hard_ttl = "1m")]
    async fn count() -> String {
        Self::TABLE.to_owned()
    }
}

struct User;
struct Order;
impl Model for User {
    const TABLE: &'static str = "users";
}
impl Model for Order {
    const TABLE: &'static str = "orders";
}

#[cached(key = "top:<user>", ttl_only = "x", hard_ttl = "1m")]
async fn top<const N: usize>(user: u64) -> Vec<u64> {
    vec![user; N]
}

#[derive(Clone, Copy, Debug, KeyPart)]
struct UserId(u64);

/// Its key part is written as a plain number's.
#[derive(Clone, Copy, Debug)]
struct Bare(u64);

impl KeyPart for Bare {
    type Canonical = u64;
    fn canonical(&self) -> &u64 {
        &self.0
    }
    fn render(&self, out: &mut cachemacro::KeyWriter) {
        self.0.render(out);
    }
}

#[cached(key = "p:<id>", ttl_only = "x", hard_ttl = "1m")]
async fn imp(id: impl KeyPart + Debug + Send + Clone + 'static) -> String {
    format!("{id:?}")
}

#[tokio::test]
async fn the_types_of_an_impl_tell_functions_without_a_receiver_apart() {
    assert_eq!([Table::<A>::count(1).await, Table::<B>::count(1).await], ["a1", "b1"]);
    assert_eq!([Table::<A>::count(1).await, Table::<B>::count(1).await], ["a1", "b1"]);
}

#[tokio::test]
async fn a_trait_default_is_a_function_of_each_type() {
    assert_eq!([User::count().await, Order::count().await], ["users", "orders"]);
    assert_eq!([User::count().await, Order::count().await], ["users", "orders"]);
}

#[tokio::test]
async fn const_parameters_tell_calls_apart() {
    assert_eq!([top::<3>(7).await.len(), top::<5>(7).await.len()], [3, 5]);
    assert_eq!([top::<3>(7).await.len(), top::<5>(7).await.len()], [3, 5]);
}

#[tokio::test]
async fn the_type_of_an_impl_trait_argument_tells_calls_apart() {
    assert_eq!([imp(5u64).await, imp(UserId(5)).await, imp(Bare(5)).await], ["5", "UserId(5)", "Bare(5)"]);
    assert_eq!([imp(5u64).await, imp(UserId(5)).await, imp(Bare(5)).await], ["5", "UserId(5)", "Bare(5)"]);
}
