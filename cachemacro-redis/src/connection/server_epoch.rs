//! The identity of a server and of its incarnation. It makes a restart or a failover visible (R21).

use std::fmt;

use cachemacro_runtime::store::fnv64;
use redis::Value;

use super::fault::Fault;

/// Identifies the server that a connection speaks to, and its incarnation. A restart or a failover changes it.
///
/// It is the start of the primary's `master_replid`; in a cluster it is a hash of those of all primaries. Displayed as
/// 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct ServerEpoch(u64);

impl ServerEpoch {
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ServerEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One primary's replication id: its first 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Replid(u64);

impl Replid {
    /// Reads the answer to `INFO replication`, as [`Replid::of_primary`].
    pub(crate) fn of_answer(answer: Value) -> Result<Self, Fault> {
        Self::of_primary(&text(answer)?)
    }

    /// As [`Replid::of_followed_primary`].
    pub(crate) fn of_followed_answer(answer: Value) -> Result<Self, Fault> {
        Self::of_followed_primary(&text(answer)?)
    }

    /// As [`Replid::of_primary`]. Also refuses a server that must have replicas to accept writes, and has none: another
    /// server may be the primary by now, with moves that this one will never receive. A server that needs no replicas
    /// does not report their number.
    pub(crate) fn of_followed_primary(info: &str) -> Result<Self, Fault> {
        let replid = Self::of_primary(info)?;
        if field(info, "min_slaves_good_slaves") == Some("0") { Err(Fault::Alone) } else { Ok(replid) }
    }

    /// Reads the answer to `INFO replication`. A server that is not a primary is refused.
    pub(crate) fn of_primary(info: &str) -> Result<Self, Fault> {
        let field = |name: &str| field(info, name);
        match field("role") {
            Some("master") => {}
            Some(role) => return Err(Fault::NotPrimary(role.to_owned())),
            None => return Err(Fault::NoIdentity),
        }
        let digits = field("master_replid").and_then(|replid| replid.get(..16)).ok_or(Fault::NoIdentity)?;
        u64::from_str_radix(digits, 16).map(Self).map_err(|_| Fault::NoIdentity)
    }
}

fn text(answer: Value) -> Result<String, Fault> {
    redis::from_redis_value(answer.extract_error()?).map_err(|_| Fault::NoIdentity)
}

/// The value in a line `<name>:<value>`.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The primaries behind a connection: one, or all of a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Primaries(Vec<Replid>);

impl Primaries {
    pub(crate) fn new(mut replids: Vec<Replid>) -> Self {
        replids.sort_unstable();
        Self(replids)
    }

    pub(crate) fn contain(&self, replid: Replid) -> bool {
        self.0.binary_search(&replid).is_ok()
    }

    /// All processes compute the same epoch.
    pub(crate) fn epoch(&self) -> ServerEpoch {
        if let [Replid(only)] = self.0[..] {
            return ServerEpoch(only);
        }
        ServerEpoch(fnv64(self.0.iter().flat_map(|Replid(id)| id.to_be_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(role: &str, replid: &str) -> String {
        format!(
            "# Replication\r\nrole:{role}\r\nconnected_slaves:0\r\nmaster_replid:{replid}\r\nmaster_replid2:0000\r\n"
        )
    }

    const REPLID: &str = "1a2b3c4d5e6f7081aaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn a_stamp_is_the_beginning_of_the_replication_id() {
        let replid = Replid::of_primary(&info("master", REPLID)).expect("a primary");
        assert_eq!(Primaries::new(vec![replid]).epoch().to_string(), &REPLID[..16]);
        assert_eq!(ServerEpoch::default().to_string(), "0".repeat(16));
    }

    #[test]
    fn a_replica_and_what_does_not_say_are_refused() {
        assert!(matches!(Replid::of_primary(&info("slave", REPLID)), Err(Fault::NotPrimary(role)) if role == "slave"));
        for strange in ["", "role:master", &info("master", "1a2b"), &info("master", &"g".repeat(40))] {
            assert!(matches!(Replid::of_primary(strange), Err(Fault::NoIdentity)), "{strange}");
        }
    }

    #[test]
    fn a_primary_that_must_have_replicas_and_has_none_is_refused() {
        let info = |replicas| format!("{}min_slaves_good_slaves:{replicas}\r\n", info("master", REPLID));
        assert!(matches!(Replid::of_followed_primary(&info("0")), Err(Fault::Alone)));
        assert!(Replid::of_followed_primary(&info("1")).is_ok() && Replid::of_primary(&info("0")).is_ok());
    }

    #[test]
    fn the_stamp_of_a_cluster_is_the_same_in_whichever_order_and_another_for_other_primaries() {
        let epoch = |ids: &[u64]| Primaries::new(ids.iter().copied().map(Replid).collect()).epoch();
        assert_eq!(epoch(&[1, 2, 3]), epoch(&[3, 1, 2]));
        assert_ne!(epoch(&[1, 2, 3]), epoch(&[1, 2, 4]));
        assert_eq!(epoch(&[1, 2, 3]).to_string(), "0c2654236a2e0585");
    }
}
