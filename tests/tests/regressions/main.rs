//! Bugs that were found by reading, each with the test that would have caught it. All of them were red once.
#![allow(unused_variables, reason = "arguments that only carry the cache to the annotation")]

mod edges;
mod engine;
mod events;
