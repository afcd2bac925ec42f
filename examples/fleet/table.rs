//! The live table, as text.

use std::time::Duration;

use crate::counts::{Answers, Counts};
use crate::report::{percent, thousands};

/// A reading of the counts, and the one before it that rates are taken from.
pub struct Table<'a> {
    pub passed: Duration,
    pub now: &'a Counts,
    pub before: &'a Counts,
    /// The time between the two.
    pub apart: Duration,
}

impl Table<'_> {
    /// A heading, a line for each process and one for the writer, none of more than 80 columns. Rates are of the last second; errors and stale
    /// answers are counted from the beginning.
    pub fn lines(&self) -> Vec<String> {
        let redis = if self.now.is_redis_down { "Redis is DOWN" } else { "Redis is up" };
        let heading = format!("{:>6.1} s  {redis}", self.passed.as_secs_f64());
        let mut lines = vec![format!(
            "{heading:<22} {:>9} {:>7} {:>7} {:>7} {:>7} {:>7} {:>5}",
            "answers/s", "memory", "Redis", "loads/s", "waits/s", "errors", "stale"
        )];
        lines.extend((0..self.now.members.len()).map(|member| self.member(member)));
        lines.push(self.writer());
        lines
    }

    fn member(&self, member: usize) -> String {
        let total = self.now.members[member];
        let state = if self.now.killed == Some(member) { "killed" } else { "" };
        let Answers { local, redis, loaded, waited, errors, .. } = total - self.before.members[member];
        let answers = local + redis + loaded + waited;
        let name = format!("  process {} {state}", member + 1);
        format!(
            "{name:<22} {:>9} {:>7} {:>7} {:>7} {:>7} {:>7} {:>5}",
            self.rate(answers),
            percent(local, answers),
            percent(redis, answers),
            self.rate(loaded),
            self.rate(waited),
            errors_so_far(total.errors, errors),
            thousands(total.stale),
        )
    }

    fn writer(&self) -> String {
        let acknowledged = self.now.updates.acknowledged - self.before.updates.acknowledged;
        format!(
            "  writer: {}/s acknowledged, {} in all; {} could not be announced",
            self.rate(acknowledged),
            thousands(self.now.updates.acknowledged),
            thousands(self.now.updates.unannounced),
        )
    }

    fn rate(&self, count: u64) -> String {
        let seconds = self.apart.as_secs_f64();
        if seconds == 0.0 { "-".to_owned() } else { thousands((count as f64 / seconds).round() as u64) }
    }
}

/// All errors, with a mark while there are new ones.
fn errors_so_far(all: u64, new: u64) -> String {
    let mark = if new > 0 { "+" } else { "" };
    format!("{}{mark}", thousands(all))
}

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::counts::{Answers, Counts, Updates};
    use std::time::Duration;

    #[test]
    fn rates_are_of_the_time_between_the_readings_and_errors_of_all_time() {
        let before =
            Counts { members: vec![Answers { local: 100, errors: 2, ..Answers::default() }; 2], ..Counts::default() };
        let mut now = before.clone();
        now.members[0] = Answers { local: 2_100, redis: 250, loaded: 200, waited: 50, ..before.members[0] };
        now.members[1].errors = 7;
        now.updates = Updates { acknowledged: 50, unannounced: 3 };
        now.killed = Some(1);
        now.is_redis_down = true;
        let seconds = Duration::from_secs;
        let table = Table { passed: seconds(4), now: &now, before: &before, apart: seconds(2) };
        let expected = [
            "   4.0 s  Redis is DOWN answers/s  memory   Redis loads/s waits/s  errors stale",
            "  process 1                1,250  80.0 %  10.0 %     100      25       2     0",
            "  process 2 killed             0       -       -       0       0      7+     0",
            "  writer: 25/s acknowledged, 50 in all; 3 could not be announced",
        ];
        assert_eq!(table.lines(), expected);
    }
}
