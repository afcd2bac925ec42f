//! Runnable programs, one per question a user has.
//!
//! | question | command |
//! |---|---|
//! | What does a service with annotated caches look like, and what do they get right? | `cargo run --example atlas` |
//! | What do four processes of it do on one Redis, and when that or one of them dies? | `cargo run --example fleet` |
//! | What is a browser answered, and when does it not ask? | `cargo run --example browser` |
//! | How does a CDN keep a page until an event purges it, and what if it cannot be purged? | `cargo run --example edge` |
//! | How does a store for another server begin? | `cargo run --manifest-path examples/Cargo.toml --example own_store` |
//! | How does an actix-web service get `Cache-Control` and `ETag`? | `cargo run --manifest-path examples/Cargo.toml --example actix` |
