//! Traffic on every process, through two crashes.

use std::sync::Arc;

use tokio::time::Instant;

use super::users::{self, USERS_EACH};
use super::{Stage, crash, outage};
use crate::Failure;
use crate::counts::{Answers, Board};
use crate::drive::Users;
use crate::report::{heading, say, thousands};
use crate::screen::Screen;

/// The cities that the users know. With many more a short run would be all first times.
const CITIES: u32 = 1_000;

pub async fn show(stage: &mut Stage) -> Result<(), Failure> {
    heading(
        "Traffic, with crashes",
        &format!(
            "{USERS_EACH} HTTP clients at each process ask without pause; a writer, a process of its own, updates 20 cities a
             second. A row in an answer is stale if it is older than an update that was acknowledged more than a second
             before the question: the last column must stay 0."
        ),
    );
    let users = Arc::new(Users::new(&stage.db, CITIES).await?);
    let board = Arc::new(Board::new(stage.fleet.members.len()));
    let screen = Screen::new(Arc::clone(&board));
    let mut crowd = users::start(&stage.fleet, &users, &board)?;
    tokio::select! {
        ended = play(stage, &screen, &board) => ended?,
        never = screen.watch() => match never {},
        Some(failure) = crowd.join_next() => return Err(failure?),
    }
    screen.end();
    crowd.shutdown().await;
    judge(&board)
}

/// What happens meanwhile.
async fn play(stage: &mut Stage, screen: &Screen, board: &Board) -> Result<(), Failure> {
    let (started, phase) = (Instant::now(), stage.seconds);
    tokio::time::sleep(phase / 4).await;
    crash::play(stage, screen, board).await?;
    tokio::time::sleep_until(started + phase).await;
    outage::play(stage, screen, board, phase).await
}

/// Prints what the answers came to. Errors are only forgiven to the process that was killed.
fn judge(board: &Board) -> Result<(), Failure> {
    let counts = board.lock();
    let sum = |field: fn(&Answers) -> u64| counts.members.iter().map(field).sum::<u64>();
    let stale = sum(|answers| answers.stale);
    say!(
        "  {} answers. {} city rows in them were held against {} acknowledged updates: {} were stale.",
        thousands(sum(Answers::total)),
        thousands(sum(|answers| answers.checked)),
        thousands(counts.updates.acknowledged),
        thousands(stale)
    );
    match (&counts.first_stale, &counts.first_error) {
        (Some(stale), _) => Err(format!("an answer was older than it may be; the first is that of {stale}").into()),
        (None, Some(error)) => Err(format!("a process that lived did not answer as it should: {error}").into()),
        (None, None) => Ok(()),
    }
}
