//! Other forms of functions, in one process.

use std::any::type_name;
use std::fmt::Debug;
use std::marker::PhantomData;

use async_trait::async_trait;
use cachemacro::cached;
use cachemacro::strategy::Problem;

/// Functions of one value type whose parameters occur in the body only.
#[cached(key = "size:<id>", ttl_only = "a test", hard_ttl = "1m")]
async fn size<T>(id: u64) -> usize {
    let _ = id;
    size_of::<T>()
}

#[cached(key = "size:<id>", ttl_only = "a test", hard_ttl = "1m", local)]
fn size_sync<T>(id: u64) -> usize {
    let _ = id;
    size_of::<T>()
}

#[tokio::test]
async fn parameters_that_only_the_body_names_count() {
    for _ in 0..2 {
        assert_eq!([size::<u8>(1).await, size::<u16>(1).await, size::<[u8; 5]>(1).await], [1, 2, 5]);
        assert_eq!([size_sync::<u8>(1), size_sync::<u16>(1), size_sync::<[u8; 5]>(1)], [1, 2, 5]);
    }
}

struct Repository<T>(PhantomData<T>);

trait Named {
    fn name() -> &'static str;
}

impl<T: Named + Send + Sync> Repository<T> {
    #[cached(key = "name:<id>", ttl_only = "a test", hard_ttl = "1m", refresh = inline)]
    async fn of_receiver(&self, id: u64) -> String {
        format!("{}{id}", T::name())
    }

    #[cached(key = "name:<id>", ttl_only = "a test", hard_ttl = "1m")]
    async fn without(id: u64) -> String {
        format!("{}{id}", T::name())
    }
}

/// The type of the value is the same, and the parameter is not `'static`.
#[tokio::test]
async fn types_that_borrow_are_types_as_well() {
    struct One<'a>(&'a str);
    struct Two<'a>(&'a str);
    impl Named for One<'_> {
        fn name() -> &'static str {
            "one"
        }
    }
    impl Named for Two<'_> {
        fn name() -> &'static str {
            "two"
        }
    }
    async fn name_of<T: Named + Send + Sync>(_: &T) -> String {
        Repository::<T>::without(7).await
    }
    let text = "borrowed".to_owned();
    for _ in 0..2 {
        let (one, two) = (One(&text), Two(&text));
        assert_eq!([name_of(&one).await, name_of(&two).await], ["one7", "two7"]);
        assert_eq!(one.0, two.0);
    }
}

#[tokio::test]
async fn in_a_process_no_name_is_needed() {
    for _ in 0..2 {
        assert_eq!([made(2, || 1).await, made(2, || 2).await], [3, 4]);
    }
    let problems = cachemacro::strategy().problems().to_vec();
    let looks_alike = |problem: &Problem| matches!(problem, Problem::TypesLookAlike { .. });
    assert!(!problems.iter().any(looks_alike), "{problems:?}");
}

#[tokio::test]
async fn local_types_of_one_name_are_two() {
    let (first, second) = {
        struct Local;
        impl Named for Local {
            fn name() -> &'static str {
                "first"
            }
        }
        (Repository::<Local>(PhantomData).of_receiver(1).await, Repository::<Local>::without(1).await)
    };
    assert_eq!([first, second], ["first1", "first1"]);
    let (first, second) = {
        struct Local;
        impl Named for Local {
            fn name() -> &'static str {
                "second"
            }
        }
        (Repository::<Local>(PhantomData).of_receiver(1).await, Repository::<Local>::without(1).await)
    };
    assert_eq!([first, second], ["second1", "second1"]);
}

trait Model: Sync {
    #[cached(key = "model:<id>", ttl_only = "a test", hard_ttl = "1m", refresh = inline)]
    async fn of_receiver(&self, id: u64) -> String {
        format!("{}{id}", type_name::<Self>())
    }

    #[cached(key = "model:<id>", ttl_only = "a test", hard_ttl = "1m")]
    async fn with_parameters<T: Debug, const N: usize>(id: u64) -> String {
        format!("{}{}{N}{id}", type_name::<Self>(), type_name::<T>())
    }
}

#[derive(Clone)]
struct User;
#[derive(Clone)]
struct Order;
impl Model for User {}
impl Model for Order {}
impl Model for dyn Named2 {}
impl Model for dyn Named2 + Send {}
trait Named2: Sync {}
impl Named2 for User {}

#[tokio::test]
async fn a_trait_default_with_a_receiver_or_parameters() {
    for _ in 0..2 {
        let names = [User.of_receiver(1).await, Order.of_receiver(1).await];
        assert!(names[0].ends_with("User1") && names[1].ends_with("Order1"), "{names:?}");
        let plain: &dyn Named2 = &User;
        let send: &(dyn Named2 + Send) = &User;
        let names = [plain.of_receiver(1).await, send.of_receiver(1).await];
        assert!(!names[0].contains("Send") && names[1].contains("Send"), "{names:?}");
        let names = [
            User::with_parameters::<u8, 1>(1).await,
            User::with_parameters::<u8, 2>(1).await,
            User::with_parameters::<u16, 1>(1).await,
            Order::with_parameters::<u8, 1>(1).await,
        ];
        assert!(names[0].ends_with("Useru811") && names[1].ends_with("Useru821"), "{names:?}");
        assert!(names[2].ends_with("Useru1611") && names[3].ends_with("Orderu811"), "{names:?}");
    }
}

/// One line of a macro writes both.
macro_rules! models {
    ($($name:ident)*) => { $(
        impl Listed for $name {
            #[cached(key = "listed:<id>", ttl_only = "a test", hard_ttl = "1m")]
            async fn list(id: u64) -> String {
                format!("{}{id}", stringify!($name))
            }
        }

        impl $name {
            #[cached(key = "listed:<id>", ttl_only = "a test", hard_ttl = "1m")]
            async fn own(id: u64) -> String {
                format!("own {}{id}", stringify!($name))
            }
        }
    )* };
}

trait Listed {
    async fn list(id: u64) -> String;
}

models!(User Order);

#[tokio::test]
async fn functions_that_a_macro_writes_on_one_line_are_several() {
    for _ in 0..2 {
        assert_eq!([User::list(1).await, Order::list(1).await], ["User1", "Order1"]);
        assert_eq!([User::own(1).await, Order::own(1).await], ["own User1", "own Order1"]);
    }
}

#[async_trait]
trait Boxed: Send + Sync {
    #[cached(key = "boxed:<id>", ttl_only = "a test", hard_ttl = "1m", refresh = inline)]
    async fn boxed(&self, id: u64) -> String {
        format!("{}{id}", type_name::<Self>())
    }
}

impl Boxed for User {}
impl Boxed for Order {}

#[tokio::test]
async fn methods_that_return_boxed_futures() {
    for _ in 0..2 {
        let all: [&dyn Boxed; 2] = [&User, &Order];
        assert!(all[0].boxed(1).await.ends_with("User1"));
        assert!(all[1].boxed(1).await.ends_with("Order1"));
    }
}

/// The lifetime is no type of its own: both calls are of one instance.
struct Borrowed<'a>(&'a str);

impl<'a> Borrowed<'a> {
    #[cached(key = "borrowed:<self.0>", ttl_only = "a test", hard_ttl = "1m", skip(times), refresh = inline)]
    async fn text(&self, times: &'a [u8]) -> String
    where
        'a: 'a,
    {
        format!("{}{}", self.0, times.len())
    }
}

trait Family {
    type Of<T>: Named3;
}
trait Named3 {
    const NAME: &'static str;
}
impl Named3 for Vec<u8> {
    const NAME: &'static str = "vec";
}
impl Named3 for Option<u8> {
    const NAME: &'static str = "option";
}
struct Vecs;
struct Options;
impl Family for Vecs {
    type Of<T> = Vec<u8>;
}
impl Family for Options {
    type Of<T> = Option<u8>;
}

#[cached(key = "family:<id>", ttl_only = "a test", hard_ttl = "1m")]
async fn family<F: Family>(id: u64) -> String {
    format!("{}{id}", <F::Of<u8> as Named3>::NAME)
}

#[tokio::test]
async fn generic_associated_types() {
    for _ in 0..2 {
        assert_eq!([family::<Vecs>(1).await, family::<Options>(1).await], ["vec1", "option1"]);
    }
}

#[tokio::test]
async fn functions_of_one_name_in_two_blocks_are_two() {
    let first = {
        #[cached(key = "block:<id>", ttl_only = "a test", hard_ttl = "1m")]
        async fn block(id: u64) -> u64 {
            id + 1
        }
        block(1).await
    };
    let second = {
        #[cached(key = "block:<id>", ttl_only = "a test", hard_ttl = "1m")]
        async fn block(id: u64) -> u64 {
            id + 2
        }
        block(1).await
    };
    assert_eq!([first, second], [2, 3]);
}

/// A closure is a type that has no name.
#[cached(key = "closure:<id>", ttl_only = "a test", hard_ttl = "1m", skip(make))]
async fn made<F: Fn() -> u64 + Clone + Send + Sync + 'static>(id: u64, make: F) -> u64 {
    make() + id
}

#[tokio::test]
async fn each_closure_is_an_instance() {
    for _ in 0..2 {
        assert_eq!([made(1, || 1).await, made(1, || 2).await], [2, 3]);
    }
}

/// Constants of every type that a parameter may have.
#[cached(key = "constants", ttl_only = "a test", hard_ttl = "1m")]
async fn constants<const C: char, const B: bool, const I: i128>() -> String {
    format!("{C:?}{B}{I}")
}

#[tokio::test]
async fn constants_of_every_type() {
    for _ in 0..2 {
        assert_eq!(constants::<'a', true, -1>().await, "'a'true-1");
        assert_eq!(constants::<'b', true, -1>().await, "'b'true-1");
        assert_eq!(constants::<'a', false, -1>().await, "'a'false-1");
        assert_eq!(constants::<'a', true, { i128::MIN }>().await, format!("'a'true{}", i128::MIN));
    }
}

/// So many that nothing small could count them.
trait Number {
    const NUMBER: u64;
}
struct Zero;
struct Twice<T>(PhantomData<T>);
struct TwiceAndOne<T>(PhantomData<T>);
impl Number for Zero {
    const NUMBER: u64 = 1;
}
impl<T: Number> Number for Twice<T> {
    const NUMBER: u64 = 2 * T::NUMBER;
}
impl<T: Number> Number for TwiceAndOne<T> {
    const NUMBER: u64 = 2 * T::NUMBER + 1;
}

#[cached(key = "number", ttl_only = "a test", hard_ttl = "1m", local)]
fn number<T: Number>() -> u64 {
    T::NUMBER
}

/// Calls the function of every number with so many digits.
trait Digits {
    fn all<T: Number>() -> u64;
}
struct None;
struct And<D>(PhantomData<D>);
impl Digits for None {
    fn all<T: Number>() -> u64 {
        assert_eq!(number::<T>(), T::NUMBER);
        1
    }
}
impl<D: Digits> Digits for And<D> {
    fn all<T: Number>() -> u64 {
        D::all::<Twice<T>>() + D::all::<TwiceAndOne<T>>()
    }
}

#[test]
fn hundreds_of_instances_of_one_function() {
    type Eight = And<And<And<And<And<And<And<And<None>>>>>>>>;
    for _ in 0..2 {
        assert_eq!(Eight::all::<Zero>(), 256);
    }
}

#[tokio::test]
async fn a_lifetime_is_no_instance() {
    let owned = "x".to_owned();
    assert_eq!(Borrowed(&owned).text(&[0; 3]).await, "x3");
    assert_eq!(Borrowed("x").text(&[0; 4]).await, "x3", "the key is the same, and so is the function");
}
