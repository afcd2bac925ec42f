//! Runnable programs, one per question a user has.
//!
//! | question | command |
//! |---|---|
//! | What does a service with annotated caches look like, and what do they get right? | `cargo run --example atlas` |
