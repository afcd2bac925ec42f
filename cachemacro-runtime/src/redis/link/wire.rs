//! A connection of any kind.

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisResult, Value};

use super::fault::Fault;
use super::server_epoch::{Primaries, Replid};

/// Clones share the connection.
#[derive(Clone)]
pub(super) enum Wire {
    /// Made here. It does not reconnect.
    Own(MultiplexedConnection),
    Manager(ConnectionManager),
    #[cfg(feature = "redis-cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

impl Wire {
    /// Whether it always leads to the same server.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Whether it leads to several nodes.
    pub(super) fn is_cluster(&self) -> bool {
        match self {
            Self::Own(_) | Self::Manager(_) => false,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => true,
        }
    }

    /// Sends the commands together, to one node.
    pub(super) async fn send(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        match self.clone() {
            Self::Own(mut own) => own.req_packed_commands(pipeline, 0, pipeline.len()).await,
            Self::Manager(mut manager) => manager.req_packed_commands(pipeline, 0, pipeline.len()).await,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(mut cluster) => {
                let route = cluster::primary(pipeline.cmd_iter());
                cluster.route_pipeline(pipeline.clone(), 0, pipeline.len(), route).await
            }
        }
    }

    /// Sends one command.
    pub(super) async fn send_one(&self, command: &Cmd) -> RedisResult<Value> {
        match self.clone() {
            Self::Own(mut own) => own.req_packed_command(command).await,
            Self::Manager(mut manager) => manager.req_packed_command(command).await,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(mut cluster) => {
                let route = cluster::primary(std::iter::once(command));
                cluster.route_command(command.clone(), redis::cluster_routing::RoutingInfo::SingleNode(route)).await
            }
        }
    }

    /// The primaries that it leads to. A server that is not a primary is an error.
    pub(super) async fn primaries(&self) -> Result<Primaries, Fault> {
        #[cfg(feature = "redis-cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster::primaries(cluster.clone()).await;
        }
        let answer = self.send_one(&info()).await?;
        Ok(Primaries::new(vec![self.replid(answer)?]))
    }

    /// Reads the answer to [`info`]. In a cluster the number of replicas is not checked: a primary that is cut off from
    /// the others stops by itself, and replicas may be down although no primary is cut off.
    pub(super) fn replid(&self, answer: Value) -> Result<Replid, Fault> {
        if self.is_cluster() { replid(answer) } else { Replid::of_followed_primary(&text(answer)?) }
    }
}

/// The command that asks a server for its identity.
pub(super) fn info() -> Cmd {
    let mut info = Cmd::new();
    info.arg("INFO").arg("replication");
    info
}

fn replid(answer: Value) -> Result<Replid, Fault> {
    Replid::of_primary(&text(answer)?)
}

fn text(answer: Value) -> Result<String, Fault> {
    redis::from_redis_value(answer.extract_error()?).map_err(|_| Fault::NoIdentity)
}

#[cfg(feature = "redis-cluster")]
mod cluster {
    use redis::cluster_async::ClusterConnection;
    use redis::cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
    use redis::{ErrorKind, RedisError};

    use super::{Cmd, Fault, Primaries, Value, info, replid};

    /// The primary that has the key of these commands. Replicas are never asked, whatever the client's settings are.
    pub(super) fn primary<'a>(commands: impl Iterator<Item = &'a Cmd>) -> SingleNodeRoutingInfo {
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
    pub(super) async fn primaries(mut cluster: ClusterConnection) -> Result<Primaries, Fault> {
        let everywhere = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let Value::Map(answers) = cluster.route_command(info(), everywhere).await? else {
            return Err(Fault::NoIdentity);
        };
        if answers.is_empty() {
            return Err(RedisError::from((ErrorKind::ClusterConnectionNotFound, "no primary is known")).into());
        }
        let replids = answers.into_iter().map(|(_, answer)| replid(answer));
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
}
