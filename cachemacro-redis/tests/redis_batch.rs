//! Lookups that travel together: how many commands they are, and what happens to those whose carrier is gone.

#[path = "kit/server.rs"]
mod kit;
#[path = "kit/process.rs"]
mod process;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use cachemacro_runtime::store::RemoteStore;
use kit::{Server, namespace};
use process::{Call, Process, find};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

async fn mgets(server: &Server) -> u64 {
    let stats: String = server.ask(&["INFO", "commandstats"]).await;
    let count = stats.lines().find_map(|line| line.strip_prefix("cmdstat_mget:calls=")?.split(',').next());
    count.map_or(0, |count| count.parse().expect("a number"))
}

fn calls(count: u64) -> Vec<Call> {
    (0..count).map(|id| find(&format!("user:{id}"))).collect()
}

/// Begins to wait for it, and does something else.
async fn begin<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) {
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending(), "it waits for the server");
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn callers_of_many_keys_share_a_few_commands_and_each_gets_its_own_entry() {
    let server = Server::start().await;
    let process = std::sync::Arc::new(Process::new(server.redis(), &namespace()));
    for (version, call) in calls(600).iter().enumerate() {
        process.load(call, version as u64).await;
    }
    for round in 0..2 {
        let before = mgets(&server).await;
        let mut callers = JoinSet::new();
        for (version, call) in calls(600).into_iter().enumerate() {
            let process = std::sync::Arc::clone(&process);
            callers.spawn(async move {
                let served = process.served(&call).await;
                assert_eq!(served, Some(version.to_string()), "round {round}");
            });
        }
        callers.join_all().await;
        // The first goes alone, the others in loads of 128.
        assert_eq!(mgets(&server).await - before, 6, "round {round}");
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_delays_no_other() {
    let server = Server::start().await;
    let process = Process::new(server.redis(), &namespace());
    let calls = calls(3);
    for call in &calls {
        process.load(call, 1).await;
    }
    for gives_up in 0..3 {
        let mut lookups: Vec<_> = calls.iter().map(|call| Box::pin(process.served(call))).collect();
        for lookup in &mut lookups {
            begin(lookup.as_mut()).await;
        }
        drop(lookups.remove(gives_up));
        for lookup in lookups {
            assert_eq!(lookup.await.as_deref(), Some("1"), "without {gives_up}");
        }
    }
}

/// As long as the server has to answer.
const LIMIT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_server_that_does_not_answer_costs_no_caller_two_timeouts() {
    let server = Server::start().await;
    let process = Process::new(server.redis().timeout(LIMIT), &namespace());
    let calls = calls(2000);
    process.load(&calls[0], 1).await;
    assert_eq!(process.served(&calls[0]).await.as_deref(), Some("1"));
    server.ask::<()>(&["CLIENT", "PAUSE", "60000"]).await;
    let mut lookups: Vec<_> = calls.iter().map(|call| process.store.lookup(call.query())).collect();
    let began = Instant::now();
    for lookup in &mut lookups {
        begin(lookup.as_mut()).await;
    }
    for lookup in lookups {
        assert!(lookup.await.is_err());
    }
    assert!(began.elapsed() < 2 * LIMIT, "lookups that wait behind a load without an answer fail with it");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn callers_whose_worker_loses_its_runtime_are_answered() {
    let (here, there) = (runtime(), runtime());
    let server = here.block_on(Server::start());
    let process = here.block_on(async { Process::new(server.redis(), &namespace()) });
    let calls = calls(3);
    here.block_on(async {
        for call in &calls {
            process.load(call, 1).await;
            assert_eq!(process.served(call).await.as_deref(), Some("1"));
        }
    });
    let [alone, carried, stranded] = [0, 1, 2].map(|at| process.store.lookup(calls[at].query()));
    let (mut alone, mut carried, mut stranded) = (alone, pin!(carried), pin!(stranded));
    there.block_on(begin(alone.as_mut()));
    there.block_on(begin(carried.as_mut()));
    here.block_on(begin(stranded.as_mut()));
    drop((alone, there));
    let error = here.block_on(stranded).expect_err("no task sends it");
    assert!(error.to_string().contains("the runtime that asked has ended"), "{error}");
    for call in &calls {
        assert_eq!(here.block_on(process.served(call)).as_deref(), Some("1"), "the next are carried by another");
    }
    drop(here.block_on(carried).expect_err("it was carried by the same"));
}
