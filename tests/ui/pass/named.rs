//! Names, with and without parameters.

use std::marker::PhantomData;

use cachemacro::cached;

#[cached(key = "user:<id>", name = "find-user.v2_A", ttl_only = "x", hard_ttl = "1m")]
async fn find(id: u64) -> u64 {
    id
}

struct Table<T>(PhantomData<T>);

impl<T> Table<T> {
    #[cached(key = "count:<id>", name = "count", ttl_only = "x", hard_ttl = "1m")]
    async fn count(id: u64) -> usize {
        let _ = id;
        size_of::<T>()
    }
}

/// A parameter that is called like nothing in the expansion, types without a size, and lifetimes.
#[cached(key = "any:<id>", name = "any", ttl_only = "x", hard_ttl = "1m", skip(text), refresh = inline)]
async fn any<'a, F: ?Sized, const SITE: usize>(id: u64, text: &'a str) -> usize {
    let _ = (text, id);
    SITE
}

#[tokio::main]
async fn main() {
    tokio::spawn(async {
        assert_eq!(find(1).await, 1);
        assert_eq!(Table::<u8>::count(1).await, 1);
        assert_eq!(any::<str, 3>(1, "").await, 3);
    })
    .await
    .unwrap();
}
