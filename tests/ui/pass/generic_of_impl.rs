#![allow(dead_code, unused_imports, async_fn_in_trait)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Default, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

trait Stored: Clone + Default + Send + Sync + Serialize + DeserializeOwned + 'static {}
impl<S: Clone + Default + Send + Sync + Serialize + DeserializeOwned + 'static> Stored for S {}

/// A generic parameter may have any name, with a receiver or without one.
#[derive(Clone)]
struct Users<Row>(Row);
impl<Row: Stored> Users<Row> {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn find(&self, id: u64) -> Option<Row> { let _ = id; Some(self.0.clone()) }
}
impl<Person: Stored> Users<Person> {
    #[cached(key = "person:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn load(id: u64) -> Result<Option<Person>, std::io::Error> { let _ = id; Ok(Some(Person::default())) }

    #[cached(key = "all:<kind>", ttl_only = "x", hard_ttl = "1m", local)]
    fn all<Sorting: KeyPart + Copy>(kind: Sorting) -> Vec<(Person, Page<Person>)> { let _ = kind; Vec::new() }

    #[invalidates(UserUpdated { id, version: 1 })]
    async fn save(id: u64, person: &Person) -> Result<Person, std::io::Error> { Ok(person.clone()) }
}

/// The type has a bound, and a `static` could not meet it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
struct Page<Item: Stored>(Vec<Item>);

/// Constants.
#[derive(Clone)]
struct Chunks<const SIZE: usize>;
impl<const SIZE: usize> Chunks<SIZE> {
    #[cached(key = "chunk:<id>", ttl_only = "x", hard_ttl = "1m", local)]
    fn chunk(id: u64) -> [u8; SIZE] { let _ = id; [0; SIZE] }

    #[cached(key = "list:<id>", ttl_only = "x", hard_ttl = "1m", local)]
    fn list(&self, id: u64) -> Option<Matrix<SIZE, { 1 + 1 }>> { let _ = id; Some(Matrix) }
}
#[derive(Clone)]
struct Matrix<const ROWS: usize, const COLUMNS: usize>;

/// Associated types.
trait Repository {
    type Record: Stored;
    fn one(&self, id: u64) -> impl Future<Output = Option<Self::Record>> + Send;
}
impl Repository for Chunks<3> {
    type Record = User;
    #[cached(key = "one:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn one(&self, id: u64) -> Option<Self::Record> { let _ = id; None }
}
#[derive(Clone)]
struct Through<Source>(Source);
impl<Source: Repository + Clone + Send + Sync + 'static> Through<Source> {
    #[cached(key = "record:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn record(id: u64) -> Option<Source::Record> { let _ = id; None }

    #[cached(key = "qualified:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn qualified(id: u64) -> Vec<<Source as Repository>::Record> { let _ = id; Vec::new() }
}

/// `impl Trait` as an argument, which has no name.
#[cached(key = "key:<id>", skip(log), ttl_only = "x", hard_ttl = "1m", local)]
fn any(id: impl KeyPart + Copy, log: impl Fn(&str) + Clone) -> u64 { let _ = id; log("miss"); 1 }

#[tokio::main]
async fn main() {
    let tasks = tokio::spawn(async {
        let users = Users(User::default());
        assert!(users.find(1).await.is_some());
        assert!(Users::<User>::load(1).await.is_ok());
        assert!(Users::<User>::save(1, &User::default()).await.is_ok());
        assert!(Chunks::<3>.one(1).await.is_none());
        assert!(Through::<Chunks<3>>::record(1).await.is_none());
        assert!(Through::<Chunks<3>>::qualified(1).await.is_empty());
    });
    tasks.await.unwrap();
    assert_eq!(any(1_u64, |_| ()), 1);
    assert_eq!(Chunks::<3>::chunk(1), [0; 3]);
    assert_eq!(Chunks::<4>::chunk(1), [0; 4]);
    assert!(Users::<User>::all(1_u8).is_empty());
}
