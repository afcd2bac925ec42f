//! "Did you mean": the candidate that is closest to a name.

/// The nearest candidate, if it is near enough to be a misspelling.
pub(crate) fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(typed, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= most || shares_a_stem(typed, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean `id`? ", or nothing: the beginning of a remedy.
pub(crate) fn did_you_mean<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, candidates).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default()
}

/// `ttl` may stand for `soft_ttl`.
fn shares_a_stem(typed: &str, candidate: &str) -> bool {
    let (short, long) = if typed.len() < candidate.len() { (typed, candidate) } else { (candidate, typed) };
    short.len() >= 3 && long.contains(short)
}

/// Edits between two names: insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant() {
        let names = ["key", "soft_ttl", "hard_ttl", "invalidated_by", "skip"];
        assert_eq!(nearest("kye", names), Some("key"));
        assert_eq!(nearest("hardttl", names), Some("hard_ttl"));
        assert_eq!(nearest("invalidate_by", names), Some("invalidated_by"));
        assert_eq!(nearest("ttl", names), Some("soft_ttl"));
        assert_eq!(nearest("idd", ["id", "name"]), Some("id"));
        assert_eq!(nearest("zebra", names), None);
    }
}
