//! Generated code is clean under the strictest lints, and resolves nothing through names that a user may have taken.
#![deny(warnings, missing_docs, clippy::all, clippy::pedantic, unused_qualifications, unreachable_pub)]

/// Everything here is called what generated code must not trust.
mod hostile {
    #![allow(dead_code, non_camel_case_types, non_upper_case_globals, unused_imports, unused_macros)]

    use ::cachemacro::{CacheEvent, KeyPart, cached, invalidates};

    pub(crate) mod std {}
    pub(crate) mod core {}
    pub(crate) mod cachemacro {}
    pub(crate) mod tokio {}
    pub(crate) mod inventory {}

    pub(crate) struct Result;
    pub(crate) struct Option;
    pub(crate) struct String;
    pub(crate) struct Vec;
    pub(crate) struct Box;
    pub(crate) trait Clone {}
    pub(crate) trait Fn {}
    pub(crate) trait Future {}
    pub(crate) trait Into {}
    #[allow(non_snake_case)]
    pub(crate) fn Some() {}
    #[allow(non_snake_case)]
    pub(crate) fn Ok() {}
    pub(crate) const None: u8 = 0;
    pub(crate) const Err: u8 = 0;
    macro_rules! panic {
        () => {};
    }
    macro_rules! concat {
        () => {};
    }
    macro_rules! matches {
        () => {};
    }
    pub(crate) use {concat, matches, panic};

    type u8 = ::core::primitive::u64;

    #[derive(::core::clone::Clone, KeyPart)]
    pub(crate) enum key {
        part(u64),
        out { load: u64, miss: u64 },
        unit,
    }

    #[derive(::core::clone::Clone, CacheEvent)]
    #[event(name = "event", key = "event:<key>:<self_>", version = version)]
    pub(crate) struct event {
        pub(crate) key: u64,
        pub(crate) self_: u64,
        pub(crate) version: u64,
    }

    #[cached(
        key = "<cache>:<key>:<shape>:<values>:<load>",
        version_from = |version| *version,
        invalidated_by(event { key, self_: cache }),
        soft_ttl = "1m", hard_ttl = "2m", negative_ttl = "10s", local,
        skip(site, absent)
    )]
    pub(crate) async fn cached_function(
        cache: u64,
        key: u64,
        shape: u64,
        values: u64,
        load: u64,
        site: u64,
        absent: &str,
    ) -> ::core::option::Option<u64> {
        let _ = (shape, values, load, site, absent);
        ::core::option::Option::Some(cache + key)
    }

    #[cached(key = "inline:<key>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "2m", refresh = inline, local)]
    pub(crate) async fn inline_function(key: u64) -> ::core::result::Result<u64, ::std::io::Error> {
        if key == 0 {
            ::core::result::Result::Err(::std::io::Error::other("zero"))?;
        }
        ::core::result::Result::Ok(key)
    }

    #[cached(key = "sync:<key>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "2m", local)]
    pub(crate) fn sync_function(key: u64) -> u64 {
        key
    }

    #[invalidates(event { key, self_: 1, version: 2 })]
    pub(crate) async fn writer(key: u64) -> ::core::result::Result<u64, ::std::io::Error> {
        ::core::result::Result::Ok(key)
    }

    #[invalidates(batch)]
    pub(crate) fn handler(batch: event) {
        let _ = batch;
    }
}

/// As a user would write it, with every lint on.
mod pedantic {
    use std::io;
    use std::sync::Arc;

    use async_trait::async_trait;
    use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
    use serde::{Deserialize, Serialize};

    /// An id.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, KeyPart)]
    pub(crate) struct Id(pub(crate) u64);

    /// A value.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(crate) struct Thing {
        pub(crate) version: u64,
    }

    /// An event.
    #[derive(Clone, Debug, CacheEvent)]
    #[event(name = "pedantic.thing", key = "thing:<id>", version = version)]
    pub(crate) struct ThingMoved {
        pub(crate) id: Id,
        pub(crate) version: u64,
    }

    #[async_trait]
    pub(crate) trait Things {
        async fn find(&self, id: Id) -> io::Result<Option<Thing>>;
        async fn write(&self, id: Id) -> io::Result<Thing>;
    }

    #[derive(Clone)]
    pub(crate) struct Sql;

    #[async_trait]
    impl Things for Sql {
        #[cached(
            key = "thing:<id>", version_from = |thing| thing.version, invalidated_by(ThingMoved { id }),
            soft_ttl = "1m", hard_ttl = "2m", negative_ttl = "1s", early = 1.0, timeout = "5s",
            cache_if = |thing| thing.version > 0, weight = |_| 100
        )]
        async fn find(&self, id: Id) -> io::Result<Option<Thing>> {
            Ok(Some(Thing { version: id.0 }))
        }

        #[invalidates(|thing| ThingMoved { id, version: thing.version })]
        async fn write(&self, id: Id) -> io::Result<Thing> {
            Ok(Thing { version: id.0 + 1 })
        }
    }

    impl Sql {
        #[cached(key = "arc:<id>", version_from = self.version(id).await?, invalidated_by(ThingMoved { id }), hard_ttl = "2m")]
        pub(crate) async fn sourced(&self, id: Id) -> Result<Arc<str>, io::Error> {
            Ok(format!("{id:?}").into())
        }

        async fn version(&self, id: Id) -> io::Result<u64> {
            tokio::task::yield_now().await;
            Ok(id.0)
        }
    }
}

#[tokio::test]
async fn hostile_names_change_nothing() {
    use hostile::{cached_function, handler, inline_function, sync_function, writer};
    assert_eq!(cached_function(1, 2, 3, 4, 5, 6, "").await, Some(3));
    assert_eq!(cached_function(1, 2, 3, 4, 5, 8, "other").await, Some(3));
    assert_eq!(inline_function(5).await.expect("no error"), 5);
    assert_eq!(sync_function(5), 5);
    assert_eq!(writer(1).await.expect("no error"), 1);
    handler(hostile::event { key: 1, self_: 1, version: 3 });
    let keys = [hostile::key::part(1), hostile::key::out { load: 1, miss: 2 }, hostile::key::unit];
    let rendered = keys.map(|key| {
        let mut writer = cachemacro::KeyWriter::new();
        cachemacro::KeyPart::render(&key, &mut writer);
        writer.to_string()
    });
    assert_eq!(rendered, ["part(1)", "out(1,2)", "unit"]);
}

#[tokio::test]
async fn pedantic_code_works() {
    use pedantic::{Id, Sql, Things};
    assert_eq!(Sql.find(Id(3)).await.expect("no error").expect("a thing").version, 3);
    assert_eq!(Sql.write(Id(3)).await.expect("no error").version, 4);
    assert_eq!(&*Sql.sourced(Id(3)).await.expect("no error"), "Id(3)");
}
