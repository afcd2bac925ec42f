//! One program, built twice: what the first build has stored is found by the second, whatever has moved in its source.

use std::path::Path;

use cachemacro_servers::{Options, Standalone};

/// Functions of all kinds, in one order.
const FUNCTIONS: [&str; 7] = [
    r#"
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1h")]
    async fn find() -> u64 { 1 }
    "#,
    r#"
    pub struct Users;
    impl Users {
        #[cached(key = "x", ttl_only = "a test", hard_ttl = "1h", refresh = inline)]
        async fn find(&self) -> u64 { 2 }
    }
    "#,
    r#"
    pub struct Orders;
    impl Orders {
        #[cached(key = "x", ttl_only = "a test", hard_ttl = "1h", refresh = inline)]
        async fn find(&self) -> u64 { 3 }
    }
    "#,
    r#"
    pub struct Table<T>(std::marker::PhantomData<T>);
    impl<T: Send + Sync + 'static> Table<T> {
        #[cached(key = "x", ttl_only = "a test", hard_ttl = "1h")]
        async fn find() -> String { std::any::type_name::<T>().to_owned() }
    }
    "#,
    r#"
    trait Model {
        #[cached(key = "x", ttl_only = "a test", hard_ttl = "1h")]
        async fn model() -> String { std::any::type_name::<Self>().to_owned() }
    }
    impl Model for Users {}
    impl Model for Orders {}
    "#,
    r#"
    #[cached(key = "x", ttl_only = "a test", hard_ttl = "1h")]
    async fn top<T, const N: usize>() -> usize { N }
    "#,
    r#"
    #[cached(key = "x", name = "given", ttl_only = "a test", hard_ttl = "1h")]
    async fn named() -> u64 { 4 }
    "#,
];

/// What the second build has besides.
const MORE: &str = r#"
    // Functions and types of the same names.
    mod other {
        use cachemacro::cached;
        pub struct Users;
        impl Users {
            #[cached(key = "x", ttl_only = "a test", hard_ttl = "1h", refresh = inline)]
            pub async fn find(&self) -> u64 { 5 }
        }
        #[cached(key = "x", ttl_only = "a test", hard_ttl = "1h")]
        pub async fn find() -> u64 { 6 }
    }
"#;

fn program(functions: &str, first: &str, url: &str, loads: u64) -> String {
    format!(
        r#"
        #![allow(dead_code)]
        use cachemacro::{{Cache, cached, store::Redis}};
        {functions}
        #[tokio::main]
        async fn main() {{
            Cache::builder().namespace("shop").shared(Redis::url("{url}").unwrap()).build().install().unwrap();
            {first}
            assert_eq!((find().await, Users.find().await, Orders.find().await, named().await), (1, 2, 3, 4));
            assert!(Table::<Users>::find().await.ends_with("Users") && Table::<Orders>::find().await.ends_with("Orders"));
            assert!(Users::model().await.ends_with("Users") && Orders::model().await.ends_with("Orders"));
            assert_eq!((top::<Users, 3>().await, top::<Users, 5>().await, top::<u8, 5>().await), (3, 5, 5));
            let loads: u64 = Cache::global().stats().functions.iter().map(|function| function.loads).sum();
            assert_eq!(loads, {loads});
        }}
        "#
    )
}

fn build_and_run(text: &str) {
    // The path, so that both are called the same.
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("program.rs");
    std::fs::write(&path, text).expect("a temporary file");
    trybuild::TestCases::new().pass(path);
}

/// The keys of entries, without what differs in each run.
fn names(server: &Standalone) -> Vec<String> {
    let keys = server.command(&["KEYS", "*"]).expect("it answers");
    let entries = keys.lines().filter_map(|key| key.rsplit_once(":s").map(|(name, _)| name.to_owned()));
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

#[test]
fn another_build_finds_what_was_stored() {
    let server = Standalone::start(Options::default());
    build_and_run(&program(&FUNCTIONS.concat(), "", &server.url(), 11));
    let before = names(&server);
    assert_eq!(before.len(), 11, "{before:?}");
    let mut moved = FUNCTIONS;
    // The `impl` of the generic type comes first: to the compiler it is another one.
    moved.rotate_left(3);
    let moved = format!("// A comment,\n// above all of them.\n{MORE}{}", moved.join("\n// and one between them\n"));
    let others = "assert_eq!((other::find().await, other::Users.find().await), (6, 5));";
    build_and_run(&program(&moved, others, &server.url(), 2));
    let after = names(&server);
    assert_eq!(after.len(), 13, "{after:?}");
    assert!(before.iter().all(|name| after.contains(name)));
}
