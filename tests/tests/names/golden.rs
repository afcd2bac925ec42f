//! Names that are the same in every build.

use std::marker::PhantomData;

use async_trait::async_trait;
use cachemacro::cached;

use crate::{cache, names, server};

#[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
async fn find() -> u64 {
    1
}

/// A second function of the name, in another module.
mod other {
    #[cachemacro::cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = crate::cache())]
    pub(crate) async fn find() -> u64 {
        2
    }
}

#[cached(key = "x", name = "find-given", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
async fn find_named() -> u64 {
    3
}

#[derive(Clone)]
struct Users;
#[derive(Clone)]
struct Orders;

/// Methods of one name in one module.
impl Users {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn all(&self) -> u64 {
        4
    }
}

impl Orders {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn all(&self) -> u64 {
        5
    }
}

struct Table<T>(PhantomData<T>);

impl<T: Send + Sync + 'static> Table<T> {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn count() -> String {
        std::any::type_name::<T>().to_owned()
    }

    #[cached(key = "x", name = "of-type", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn named() -> String {
        std::any::type_name::<T>().to_owned()
    }
}

trait Model: Sync {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn count() -> String {
        std::any::type_name::<Self>().to_owned()
    }

    async fn own() -> u64;
}

impl Model for Users {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn own() -> u64 {
        6
    }
}

impl Model for Orders {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
    async fn own() -> u64 {
        7
    }
}

#[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", cache = cache())]
async fn top<const N: usize, const C: char>() -> String {
    format!("{N}{C}")
}

#[async_trait]
trait Boxed: Send + Sync {
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1m", refresh = inline, cache = cache())]
    async fn boxed(&self) -> u64 {
        8
    }
}
impl Boxed for Users {}

#[tokio::test]
async fn names_are_these() {
    let server = server();
    assert_eq!((find().await, other::find().await, find_named().await), (1, 2, 3));
    assert_eq!((Users.all().await, Orders.all().await), (4, 5));
    assert!(Table::<Users>::count().await.ends_with("Users"));
    assert!(Table::<Vec<Orders>>::count().await.ends_with("Orders>"));
    assert!(Table::<u8>::named().await.ends_with("u8"));
    assert!(<Users as Model>::count().await.ends_with("Users"));
    assert!(<Orders as Model>::count().await.ends_with("Orders"));
    assert_eq!((Users::own().await, Orders::own().await), (6, 7));
    assert_eq!(top::<3, '~'>().await, "3~");
    assert_eq!(top::<5, ' '>().await, "5 ");
    assert_eq!(Users.boxed().await, 8);
    let expected = [
        "<names::golden::Orders~as~names::golden::Model>::count",
        "<names::golden::Orders~as~names::golden::Model>::own",
        "<names::golden::Users~as~names::golden::Boxed>::boxed",
        "<names::golden::Users~as~names::golden::Model>::count",
        "<names::golden::Users~as~names::golden::Model>::own",
        "find-given",
        "names::golden::Orders::all",
        "names::golden::Table<alloc::vec::Vec<names::golden::Orders>>::count",
        "names::golden::Table<names::golden::Users>::count",
        "names::golden::Users::all",
        "names::golden::find",
        "names::golden::other::find",
        "names::golden::top<3,~'!7E'>",
        "names::golden::top<5,~'~'>",
        "of-type<u8>",
    ];
    assert_eq!(names(&server), expected);
    cache().assert_no_findings();
}
