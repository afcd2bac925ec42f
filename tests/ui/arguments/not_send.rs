#![allow(dead_code)]
use std::rc::Rc;

use cachemacro::cached;

#[derive(Clone)]
struct Handle(Rc<u64>);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s", local, skip(handle))]
async fn find(id: u64, handle: Handle) -> u64 { id + *handle.0 }

impl Handle {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s", local)]
    async fn method(&self, id: u64) -> u64 { id + *self.0 }
}

fn main() {}
