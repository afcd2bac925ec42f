//! `hitbox-fn` on its moka backend: annotated functions, called through a cache. Its backends hold bytes, so every hit decodes;
//! in bincode, the faster of the formats it recommends.

use std::convert::Infallible;
use std::sync::LazyLock;

use hitbox::policy::PolicyConfig;
use hitbox_backend::format::BincodeFormat;
use hitbox_fn::{Cache, cached};
use hitbox_moka::MokaBackend;

use super::{CAPACITY, Shape, TTL};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, user};

/// What it is called.
pub const NAME: Contestant = Contestant::peer("`hitbox-fn` with moka");

#[cached(prefix = "owned")]
async fn owned(id: u64) -> Result<User, Infallible> {
    Ok(user(id))
}

static CACHE: LazyLock<Cache<MokaBackend<BincodeFormat>>> = LazyLock::new(|| {
    let backend = MokaBackend::builder().max_entries(CAPACITY as u64).value_format(BincodeFormat).build();
    Cache::builder().backend(backend).policy(PolicyConfig::builder().ttl(TTL).build()).build()
});

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    if shape == Shape::Owned {
        contest.asynchronous(NAME, |id| async move { owned(id).cache(&*CACHE).await.expect("it loads") });
    } else {
        contest.absent(NAME.name, "a hit decodes a value of its own: there is no `Arc` to share");
    }
}
