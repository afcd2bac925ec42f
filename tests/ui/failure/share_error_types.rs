use std::rc::Rc;

use cachemacro::cached;

struct Down(u64);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", share_error = |_error| Down(1))]
async fn no_error(id: u64) -> Option<u64> { Some(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", share_error = |_error| Down(id))]
async fn captures(id: u64) -> Result<u64, Down> { Err(Down(id)) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", share_error = |error| Rc::clone(error))]
async fn not_send(id: u64) -> Result<u64, Rc<u64>> { Err(Rc::new(id)) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", share_error = |error| error.to_string())]
async fn another_type(id: u64) -> Result<u64, std::io::Error> { Ok(id) }

fn main() {}
