//! How events are made: from what the arguments list, under conditions, and in closures whose parameters are called as arguments are.
#![deny(warnings)]

use cachemacro::{Cache, CacheEvent, KeyPart, cached, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>")]
struct UserUpdated {
    id: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "audit.written", key = "audit:<id>")]
struct AuditWritten {
    id: u64,
}

/// Neither `Clone` nor an event.
struct User {
    id: u64,
}

#[derive(Clone, Copy, KeyPart)]
struct UserId(u64);

#[cached(key = "user:<id>", invalidated_by(UserUpdated { id }), hard_ttl = "1m")]
async fn find(id: u64) -> u64 {
    id
}

// The parameter is the returned user.
#[invalidates(|user| UserUpdated { id: user.id })]
async fn save(user: User) -> Result<User, std::io::Error> {
    Ok(user)
}
#[invalidates(|user: &User| UserUpdated { id: user.id })]
async fn save_typed(user: User) -> User {
    user
}
#[invalidates(|id| UserUpdated { id: *id })]
async fn save_unique(id: &mut u64) -> u64 {
    *id += 1;
    *id
}
#[invalidates(|User { id }| UserUpdated { id: *id })]
fn save_sync(id: User) -> User {
    id
}

// Events for each of a list.
#[invalidates(ids.iter().map(|id| UserUpdated { id: id.0 }).collect::<Vec<_>>())]
async fn delete_all(ids: Vec<UserId>) {
    drop(ids);
}
#[invalidates(users.iter().map(|user| UserUpdated { id: user.id }).collect::<Vec<_>>())]
async fn delete_these(users: &[User]) -> usize {
    users.len()
}
#[invalidates(events.iter().cloned().collect::<Vec<_>>(), events.iter().map(|event| AuditWritten { id: event.id }).collect::<Vec<_>>())]
async fn relay(events: &[UserUpdated]) -> usize {
    events.len()
}

// Under conditions.
#[invalidates(is_new.then(|| UserUpdated { id: 1 }))]
async fn perhaps(is_new: bool) {
    let _ = is_new;
}
#[invalidates(is_new.then_some(UserUpdated { id: 1 }))]
async fn perhaps_at_once(is_new: bool) {
    let _ = is_new;
}
#[invalidates(id.map(|id| UserUpdated { id: id.0 }))]
async fn where_there_is_one(id: Option<UserId>) {
    let _ = id;
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    Cache::builder().build().install().expect("nothing is cached yet");
    let loads = || Cache::current().stats().function("find").expect("it was called").loads;
    for id in 1..=9 {
        find(id).await;
    }
    assert_eq!(loads(), 9);
    save(User { id: 1 }).await.expect("it is saved");
    save_typed(User { id: 2 }).await;
    save_unique(&mut 2).await;
    save_sync(User { id: 4 });
    delete_all(vec![UserId(5), UserId(6)]).await;
    delete_these(&[User { id: 7 }]).await;
    relay(&[UserUpdated { id: 8 }]).await;
    where_there_is_one(Some(UserId(9))).await;
    perhaps(false).await;
    perhaps_at_once(false).await;
    for id in 1..=9 {
        find(id).await;
    }
    assert_eq!(loads(), 18);
    perhaps(true).await;
    find(1).await;
    perhaps_at_once(true).await;
    find(1).await;
    assert_eq!(loads(), 20);
}
