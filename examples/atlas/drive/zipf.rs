//! Zipf's law: the most popular thing is asked for twice as often as the second, three times as often as the third.

/// Draws ranks from 0 up, each with a chance in proportion to `1 / (rank + 1)`.
pub struct Zipf {
    /// The summed weights up to each rank.
    cumulative: Vec<f64>,
}

impl Zipf {
    pub fn new(ranks: usize) -> Self {
        let add = |total: &mut f64, rank| {
            *total += 1.0 / rank as f64;
            Some(*total)
        };
        Self { cumulative: (1..=ranks).scan(0.0, add).collect() }
    }

    pub fn draw(&self, random: &mut fastrand::Rng) -> usize {
        let Some(total) = self.cumulative.last() else { return 0 };
        let point = random.f64() * total;
        self.cumulative.partition_point(|sum| *sum <= point).min(self.cumulative.len() - 1)
    }
}
