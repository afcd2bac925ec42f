//! The fleet's users while the traffic runs, and the writer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cachemacro::store::DETECTION;
use tokio::task::JoinSet;

use crate::Failure;
use crate::counts::Board;
use crate::drive::{Client, Route, Users};
use crate::fleet::Fleet;
use crate::process::Process;
use crate::writer::Update;

/// How many requests are under way at a time in each process.
pub const USERS_EACH: usize = 2;

/// How many requests in a thousand are of each kind. All of them can be checked.
const MIX: [(Route, u32); 3] = [(Route::City, 750), (Route::ByName, 150), (Route::Largest, 100)];

/// After an error, so that a process that is down is not asked a thousand times a second.
const PAUSE: Duration = Duration::from_millis(50);

/// Lets users ask all processes without pause, and the writer write, until it is dropped.
pub fn start(fleet: &Fleet, users: &Arc<Users>, board: &Arc<Board>) -> Result<JoinSet<Failure>, Failure> {
    let mut crowd = JoinSet::new();
    for (place, member) in fleet.members.iter().enumerate() {
        for seat in 0..USERS_EACH {
            let (client, users, board) = (member.client.clone(), Arc::clone(users), Arc::clone(board));
            let seed = (place * USERS_EACH + seat) as u64;
            crowd.spawn(async move { match ask(place, seed, &client, &users, &board).await {} });
        }
    }
    let (mut writer, users, board) =
        (Process::start("write", &fleet.shared, &[])?, Arc::clone(users), Arc::clone(board));
    crowd.spawn(async move {
        match follow(&mut writer, &users, &board).await {
            Err(failure) => failure,
        }
    });
    Ok(crowd)
}

/// One user. Of the cities in its answers none may be older than an update that was acknowledged a second before it asked.
async fn ask(place: usize, seed: u64, client: &Client, users: &Users, board: &Board) -> Infallible {
    let mut random = fastrand::Rng::with_seed(seed);
    loop {
        let question = users.question(&MIX, "", &mut random);
        let asked = Instant::now();
        let since = asked.checked_sub(DETECTION).unwrap_or(asked);
        let reply = client.send(question.method, &question.path, &question.body).await;
        match reply.and_then(|reply| Ok((users.check(question.route, &reply, since)?, reply))) {
            Ok((check, reply)) => board.answered(place, &question.path, &reply, check),
            Err(error) => {
                board.failed(place, &error.to_string());
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Reads what the writer says. An update counts from here on, which is later than the writer itself knew it.
async fn follow(writer: &mut Process, users: &Users, board: &Board) -> Result<Infallible, Failure> {
    loop {
        let update: Update = writer.hear().await?.parse()?;
        if let Update::Acknowledged { city, version } = update {
            users.acknowledge(city, version);
        }
        board.updated(update);
    }
}
