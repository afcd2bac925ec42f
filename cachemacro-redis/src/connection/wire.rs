//! A connection of any kind.

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisResult, Value};

#[cfg(feature = "cluster")]
use super::cluster;
use super::fault::Fault;
use super::server_epoch::{Primaries, Replid};

/// Clones share the connection.
#[derive(Clone)]
pub(crate) enum Wire {
    /// Made here. It does not reconnect.
    Own(MultiplexedConnection),
    Manager(ConnectionManager),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

impl Wire {
    /// Whether it always leads to the same server.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Whether it leads to several nodes.
    pub(crate) fn is_cluster(&self) -> bool {
        match self {
            Self::Own(_) | Self::Manager(_) => false,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => true,
        }
    }

    /// Sends the commands together, to one node.
    pub(crate) async fn send(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        match self.clone() {
            Self::Own(mut own) => own.req_packed_commands(pipeline, 0, pipeline.len()).await,
            Self::Manager(mut manager) => manager.req_packed_commands(pipeline, 0, pipeline.len()).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(mut cluster) => {
                let route = cluster::primary(pipeline.cmd_iter());
                cluster.route_pipeline(pipeline.clone(), 0, pipeline.len(), route).await
            }
        }
    }

    /// Sends one command.
    pub(crate) async fn send_one(&self, command: &Cmd) -> RedisResult<Value> {
        match self.clone() {
            Self::Own(mut own) => own.req_packed_command(command).await,
            Self::Manager(mut manager) => manager.req_packed_command(command).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(mut cluster) => {
                let route = cluster::primary(std::iter::once(command));
                cluster.route_command(command.clone(), redis::cluster_routing::RoutingInfo::SingleNode(route)).await
            }
        }
    }

    /// The primaries that it leads to. A server that is not a primary is an error.
    pub(crate) async fn primaries(&self) -> Result<Primaries, Fault> {
        #[cfg(feature = "cluster")]
        if let Self::Cluster(cluster) = self {
            return cluster::primaries(cluster.clone(), info()).await;
        }
        let answer = self.send_one(&info()).await?;
        Ok(Primaries::new(vec![self.replid(answer)?]))
    }

    /// Reads the answer to [`info`]. In a cluster the number of replicas is not checked: a primary that is cut off from
    /// the others stops by itself, and replicas may be down although no primary is cut off.
    pub(crate) fn replid(&self, answer: Value) -> Result<Replid, Fault> {
        if self.is_cluster() { Replid::of_answer(answer) } else { Replid::of_followed_answer(answer) }
    }
}

/// The command that asks a server for its identity.
pub(crate) fn info() -> Cmd {
    let mut info = Cmd::new();
    info.arg("INFO").arg("replication");
    info
}
