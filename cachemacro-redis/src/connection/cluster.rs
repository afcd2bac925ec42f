//! How commands are routed in a cluster, and the primaries of one.

use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, ErrorKind, RedisError, Value};

use super::fault::Fault;
use super::server_epoch::{Primaries, Replid};

/// The primary that has the key of these commands. Replicas are never asked, whatever the client's settings are.
pub(crate) fn primary<'a>(commands: impl Iterator<Item = &'a Cmd>) -> SingleNodeRoutingInfo {
    let mut keys = commands.filter_map(key);
    match keys.next() {
        Some(key) => SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master)),
        None => SingleNodeRoutingInfo::RandomPrimary,
    }
}

/// The first key of a command; handles only the commands that are used here.
fn key(command: &Cmd) -> Option<&[u8]> {
    let mut arguments = command.args_iter().map_while(|argument| match argument {
        redis::Arg::Simple(bytes) => Some(bytes),
        _ => None,
    });
    let name = arguments.next()?.to_ascii_uppercase();
    match &name[..] {
        b"EVAL" | b"EVALSHA" | b"EVAL_RO" | b"EVALSHA_RO" | b"FCALL" | b"FCALL_RO" => {
            let keys = arguments.nth(1)?;
            (keys != b"0").then(|| arguments.next())?
        }
        b"XREAD" | b"XREADGROUP" => {
            arguments.find(|word| word.eq_ignore_ascii_case(b"STREAMS")).and_then(|_| arguments.next())
        }
        b"XGROUP" | b"XINFO" | b"OBJECT" | b"MEMORY" => arguments.nth(1),
        b"PING" | b"INFO" | b"TIME" | b"SCRIPT" | b"CLIENT" | b"CLUSTER" | b"CONFIG" | b"ROLE" => None,
        _ => arguments.next(),
    }
}

/// All primaries that have slots. If one is down, this fails: a epoch of the rest would make the records of other
/// processes suspect.
pub(crate) async fn primaries(mut cluster: ClusterConnection, info: Cmd) -> Result<Primaries, Fault> {
    let everywhere = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    let Value::Map(answers) = cluster.route_command(info, everywhere).await? else {
        return Err(Fault::NoIdentity);
    };
    if answers.is_empty() {
        return Err(RedisError::from((ErrorKind::ClusterConnectionNotFound, "no primary is known")).into());
    }
    let replids = answers.into_iter().map(|(_, answer)| Replid::of_answer(answer));
    Ok(Primaries::new(replids.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_command_is_found() {
        for (command, expected) in [
            ("GET k", Some("k")),
            ("MGET k l", Some("k")),
            ("evalsha 0123 2 k l m", Some("k")),
            ("EVAL return 0 k", None),
            ("XADD k * f v", Some("k")),
            ("XREADGROUP GROUP g c COUNT 10 BLOCK 0 STREAMS k >", Some("k")),
            ("XREAD BLOCK 0 streams k $", Some("k")),
            ("XGROUP CREATE k g $", Some("k")),
            ("PING", None),
            ("SCRIPT LOAD k", None),
        ] {
            let mut words = command.split(' ');
            let mut built = redis::cmd(words.next().unwrap_or_default());
            built.arg(words.collect::<Vec<_>>());
            assert_eq!(key(&built), expected.map(str::as_bytes), "{command}");
        }
    }
}
