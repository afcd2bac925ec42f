//! Hostile.
#![deny(warnings, missing_docs, clippy::pedantic, unused_qualifications, unreachable_pub, elided_lifetimes_in_paths, single_use_lifetimes, trivial_casts, unused_lifetimes, let_underscore_drop, rust_2024_compatibility)]
#![allow(clippy::unused_async, unused_macros, clippy::struct_field_names, clippy::too_many_arguments)]

#[allow(dead_code, non_camel_case_types)]
mod names {
    pub(crate) enum Option {}
    pub(crate) enum Result {}
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Ok;
    pub(crate) struct Err;
    pub(crate) struct Box;
    pub(crate) struct Vec;
    pub(crate) struct String;
    pub(crate) struct Self_;
    pub(crate) trait Clone {}
    pub(crate) trait Copy {}
    pub(crate) trait Send {}
    pub(crate) trait Sync {}
    pub(crate) trait Fn {}
    pub(crate) trait Drop {}
    pub(crate) trait ToOwned {}
    pub(crate) trait Future {}
    pub(crate) trait Into {}
    pub(crate) trait From {}
    pub(crate) trait AsRef {}
    pub(crate) trait Iterator {}
    pub(crate) trait Default {}
    pub(crate) fn drop() {}
    pub(crate) mod std {}
    pub(crate) mod core {}
    pub(crate) mod alloc {}
    pub(crate) mod cachemacro {}
    pub(crate) mod shape {}
    pub(crate) mod cache {}
    pub(crate) mod key {}
    pub(crate) struct str;
    pub(crate) struct u64;
    pub(crate) struct bool;
    macro_rules! matches { ($($t:tt)*) => { compile_error!("hostile") } }
    macro_rules! concat { ($($t:tt)*) => { compile_error!("hostile") } }
    macro_rules! vec { ($($t:tt)*) => { compile_error!("hostile") } }
    
}

#[allow(dead_code, unused_imports)]
mod hostile {
    use super::names::*;
    type U64 = ::core::primitive::u64;

    #[derive(::core::clone::Clone, ::cachemacro::CacheEvent)]
    #[event(name = "h", key = "h:<key>:<out>", version = version)]
    pub(crate) struct Key { pub(crate) key: U64, pub(crate) out: U64, pub(crate) version: U64 }

    #[derive(::core::clone::Clone, ::cachemacro::KeyPart)]
    pub(crate) enum Part { Some(U64), None, Ok { out: U64, key: U64 } }

    #[derive(::core::clone::Clone)]
    pub(crate) struct Loader { cache: ::cachemacro::Cache, tenant: U64 }

    type R<T> = ::core::result::Result<::core::option::Option<T>, ::std::string::String>;

    impl Loader {
        #[::cachemacro::cached(key = "h:<key>:<out>:<cache>:<shape>:<miss>:<load>:<values>:<absent>:<owned>:<fail>:<source>:<kind>:<version>:<part>:<this>:<part2>:<self.tenant>",
            version_from = |value| *value, invalidated_by(Key { key, out }), hard_ttl = "1m", soft_ttl = "1s", cache = self.cache)]
        pub(crate) async fn load(&self, key: U64, out: U64, cache: U64, shape: U64, miss: U64, load: U64, values: U64, absent: U64, owned: U64, fail: U64,
            source: &::core::primitive::str, kind: ::core::option::Option<&::core::primitive::str>, version: ::std::string::String, part: Part, this: U64, part2: U64) -> R<U64> {
            let _ = (cache, shape, miss, load, values, absent, owned, fail, source, kind, part, this, part2);
            ::core::result::Result::Ok(::core::option::Option::Some(key + out + U64::from(version == "x") + self.tenant))
        }

        #[::cachemacro::cached(key = "h2:<key>:<out>:<error>", version_from = self.peek(key).await, invalidated_by(Key { key, out }), hard_ttl = "1m", soft_ttl = "1s", skip(lend), refresh = inline,
            not_found = ::std::string::String::X)]
        #[cfg(any())]
        pub(crate) async fn x(&self) {}

        #[::cachemacro::cached(key = "h2:<key>:<out>:<error>", version_from = self.peek(key).await, invalidated_by(Key { key, out }), hard_ttl = "1m", soft_ttl = "1s", skip(lend), refresh = inline)]
        pub(crate) async fn key(&self, key: U64, out: U64, error: U64, lend: &mut U64) -> ::core::option::Option<U64> {
            *lend += 1;
            ::core::option::Option::Some(key + out + error)
        }
        async fn peek(&self, _key: U64) -> U64 { self.tenant }

        #[::cachemacro::invalidates(Key { key, out, version: batch }, on_error = fail, cache = self.cache)]
        pub(crate) async fn cache(&self, key: U64, out: U64, batch: U64) -> ::core::result::Result<(), ::std::io::Error> {
            ::core::result::Result::Ok(())
        }
    }

    macro_rules! make {
        ($name:ident, $template:literal, $ttl:literal) => {
            #[::cachemacro::cached(key = $template, ttl_only = "why", hard_ttl = $ttl, soft_ttl = "1s")]
            pub(crate) async fn $name(a: U64, b: U64) -> U64 { a + b }
            impl Loader {
                #[::cachemacro::cached(key = "m:<a>", ttl_only = "why", hard_ttl = $ttl, soft_ttl = "1s")]
                pub(crate) async fn made(&self, a: U64) -> U64 { self.tenant + a }
            }
        };
    }
    make!(made, "made:<a>:<b>", "5m");

    pub(crate) fn loader() -> Loader { Loader { cache: ::cachemacro::Cache::global().clone(), tenant: 7 } }
}

mod renamed {
    pub(crate) use cachemacro as inner;
    pub(crate) mod facade { pub(crate) use super::inner::*; #[doc(hidden)] pub(crate) use super::inner::__private; }

    #[derive(Clone, inner::CacheEvent)]
    #[event(name = "x", key = "x:<id>", crate = crate::renamed::facade)]
    #[event(version = version)]
    pub(crate) struct X { id: u64, version: u64 }
    #[derive(inner::KeyPart)]
    #[key_part(crate = crate::renamed::facade)]
    pub(crate) struct Id(pub(crate) u64);
    #[facade::cached(key = "x:<id>", invalidated_by(X { id: id.0 }), hard_ttl = "1m", crate = crate::renamed::facade)]
    pub(crate) async fn x(id: &Id) -> u64 { id.0 }
    #[facade::invalidates(X { id, version: 1 }, crate = crate::renamed::facade)]
    pub(crate) async fn y(id: u64) {}
}

/// The calls run in a task: the future of each is `Send`.
#[tokio::main]
async fn main() {
    tokio::spawn(calls()).await.unwrap();
}

async fn calls() {
    let loader = hostile::loader();
    let part = hostile::Part::Some(1);
    for _ in 0..2 {
        let r = loader.load(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, "s", Some("k"), "x".into(), part.clone(), 1, 2).await;
        assert_eq!(r, Ok(Some(11)));
    }
    let mut lend = 0;
    for _ in 0..2 {
        assert_eq!(loader.key(1, 2, 3, &mut lend).await, Some(6));
    }
    assert_eq!(lend, 1);
    loader.cache(1, 2, 3).await.unwrap();
    assert_eq!(hostile::made(1, 2).await, 3);
    assert_eq!(loader.made(1).await, 8);
    assert_eq!(renamed::x(&renamed::Id(3)).await, 3);
    renamed::y(3).await;
    let _ = hostile::Part::Ok { out: 1, key: 2 };
    let _ = hostile::Part::None;
}
