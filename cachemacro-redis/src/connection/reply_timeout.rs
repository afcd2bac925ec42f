//! A timeout for the server's answers that does not count the time in which this process was too busy to read them.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// If a timer fires late by more than this part of its limit (one eighth), the process was too busy to read answers.
const LATE: u32 = 8;
/// The most extensions: a process that is always late must not wait for ever.
const MOST_GRACES: u32 = 8;

/// How much longer the operations of one call may wait.
pub(crate) struct ReplyTimeout {
    limit: Duration,
    deadline: Instant,
    graces: u32,
}

impl ReplyTimeout {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, deadline: Instant::now() + limit, graces: MOST_GRACES }
    }

    /// The output, if it came in time. If the timer itself was late, for example because thousands of tasks ran before
    /// it, the answer may have arrived unread. Then the wait is extended by the time that the timer was late.
    pub(crate) async fn wait<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        loop {
            if let Ok(output) = timeout_at(self.deadline, &mut future).await {
                return Some(output);
            }
            let late = self.deadline.elapsed();
            if late < self.limit / LATE || self.graces == 0 {
                return None;
            }
            self.graces -= 1;
            self.deadline = Instant::now() + late.min(self.limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(40);

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_costs_the_limit() {
        let began = Instant::now();
        assert!(ReplyTimeout::new(LIMIT).wait(std::future::pending::<()>()).await.is_none());
        assert_eq!(began.elapsed(), LIMIT);
    }

    /// The answer comes from a task that the busy runtime polls only after the timer.
    #[tokio::test(start_paused = true)]
    async fn a_late_timer_is_not_the_servers_fault() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut timeout = ReplyTimeout::new(LIMIT);
        tokio::time::advance(LIMIT * 2).await;
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            let _ = sender.send(());
        });
        assert!(timeout.wait(receiver).await.is_some());
    }
}
