//! `cachemacro` under another name: nothing that the macros generate may name it by its own.

use renamed::{CacheEvent, KeyPart, cached, invalidates};

/// A key part.
#[derive(Clone, Copy, Debug, KeyPart)]
#[key_part(crate = renamed)]
pub struct Id(pub u64);

/// An event.
#[derive(Clone, Debug, CacheEvent)]
#[event(name = "thing.changed", key = "thing:<id>", version = version, crate = renamed)]
pub struct ThingChanged {
    /// Which thing.
    pub id: Id,
    /// The version it reached.
    pub version: u64,
}

/// Reads.
#[cached(key = "thing:<id>", version_from = |version| *version, invalidated_by(ThingChanged { id }), soft_ttl = "1m", hard_ttl = "2m", local, crate = renamed)]
pub async fn thing(id: Id) -> Option<u64> {
    Some(id.0)
}

/// Writes.
#[invalidates(ThingChanged { id, version }, crate = renamed)]
pub async fn write(id: Id, version: u64) -> Result<(), std::io::Error> {
    let _ = (id, version);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_works_under_another_name() {
        assert_eq!(thing(Id(7)).await, Some(7));
        write(Id(7), 8).await.expect("no error");
    }
}
