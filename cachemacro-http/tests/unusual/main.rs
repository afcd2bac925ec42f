//! Input that is bad or unusual: it gets the right answer or is left alone, and nothing panics.

mod aborted;
mod at_once;
mod body;
mod compression;
mod http2;
mod layers;
mod requests;
mod responses;
mod server;
mod shop;
mod tasks;
