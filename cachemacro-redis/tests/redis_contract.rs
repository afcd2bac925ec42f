//! The store on Redis keeps the contract of stores.

#[path = "kit/server.rs"]
mod kit;

use std::time::Duration;

use cachemacro_redis::{Redis, RedisChannel, RedisStore};
use cachemacro_runtime::ManualClock;
use cachemacro_runtime::store::{Aggregate, Announcement, InvalidationChannel, Notice, Query};
use cachemacro_testing::contract::{self, Setup};
use kit::{Server, namespace};

/// What the server must allow, beside the keys of the namespaces.
const ACL: &str = "+eval +evalsha +get +mget +set +del +pttl +pexpire +time +xadd +xread +xrevrange +info";

/// Each store has a namespace of its own, so that it is empty.
fn store(redis: &Redis, setup: Setup) -> RedisStore {
    RedisStore::new(redis.clone(), &namespace(), setup.clock, setup.source_lag)
}

async fn lose(server: &Server, query: Query<'_>) {
    for aggregate in query.aggregates {
        server.delete(&format!("*:{aggregate}}}:index")).await;
    }
}

#[tokio::test]
async fn one_server_keeps_the_contract() {
    let server = Server::start().await;
    let redis = server.redis();
    contract::check(async |setup| store(&redis, setup)).await;
}

#[tokio::test]
async fn one_server_survives_the_loss_of_records() {
    let server = Server::start().await;
    let redis = server.redis();
    contract::check_loss(async |setup| store(&redis, setup), async |_, query| lose(&server, query).await).await;
}

#[tokio::test]
async fn one_server_lets_entries_and_youth_expire() {
    let server = Server::start().await;
    let redis = server.redis();
    contract::check_expiry(async |setup| store(&redis, setup), tokio::time::sleep).await;
}

#[tokio::test]
async fn the_channel_on_one_server_keeps_the_contract() {
    let server = Server::start().await;
    let redis = server.redis();
    let channel = async |setup| RedisChannel::new(&store(&redis, setup));
    contract::check_channel(channel).await;
    // The stream is lost; what numbers it is not.
    contract::check_channel_loss(channel, async |_| server.delete("*:events").await).await;
}

/// The rule that the documentation gives.
#[tokio::test]
async fn a_user_with_few_rights_is_enough() {
    let server = Server::start().await;
    let rule = format!("ACL SETUSER cachemacro on >secret resetkeys ~{{test* resetchannels -@all {ACL}");
    server.ask::<()>(&rule.split(' ').collect::<Vec<_>>()).await;
    let url = format!("redis://cachemacro:secret@127.0.0.1:{}/", server.port);
    let redis = Redis::url(url).expect("a URL").timeout(Duration::from_secs(5));
    contract::check(async |setup| store(&redis, setup)).await;
    contract::check_loss(async |setup| store(&redis, setup), async |_, query| lose(&server, query).await).await;
    let clock = std::sync::Arc::new(ManualClock::default());
    let channel = RedisChannel::new(&RedisStore::new(redis, &namespace(), clock, Duration::ZERO));
    let end = channel.follow(None, Duration::ZERO).await.expect("it may read the channel");
    let notices = vec![(Aggregate::new("user:1"), Notice::Reset)];
    channel.announce(&[Announcement { event: None, notices: notices.clone() }]).await.expect("it may announce");
    let heard = channel.follow(Some(&end.position), Duration::from_millis(10)).await.expect("it may read");
    assert_eq!(heard.notices, notices);
    let log: redis::Value = server.ask(&["ACL", "LOG"]).await;
    assert_eq!(log, redis::Value::Array(Vec::new()), "nothing was refused");
}

#[cfg(feature = "cluster")]
mod cluster {
    use super::*;
    use kit::Cluster;

    #[tokio::test]
    async fn a_cluster_keeps_the_contract() {
        let cluster = Cluster::start().await;
        let redis = cluster.redis();
        contract::check(async |setup| store(&redis, setup)).await;
    }

    #[tokio::test]
    async fn a_cluster_survives_the_loss_of_records() {
        let cluster = Cluster::start().await;
        let redis = cluster.redis();
        let lose_everywhere = async |_: &RedisStore, query: Query<'_>| {
            for node in &cluster.nodes {
                lose(node, query).await;
            }
        };
        contract::check_loss(async |setup| store(&redis, setup), lose_everywhere).await;
    }

    #[tokio::test]
    async fn a_cluster_lets_entries_and_youth_expire() {
        let cluster = Cluster::start().await;
        let redis = cluster.redis();
        contract::check_expiry(async |setup| store(&redis, setup), tokio::time::sleep).await;
    }
}
