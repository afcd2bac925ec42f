//! Functions by the names that people write: in a call of the cache, not in code.

use super::info::CallsiteInfo;
use super::naming::site_name;
use super::registry::sites;
use super::site::{Callsite, Instance};
use crate::error::UnknownFunction;

/// The most names that an error lists.
const SUGGESTED: usize = 3;

/// The instances of this name: of all functions of that name, or one instance of a generic function. Of a function that was not called
/// yet there are none.
///
/// # Errors
/// [`UnknownFunction`]: no cached function of the binary has the name.
pub(crate) fn instances_named(name: &str) -> Result<Vec<&'static Instance>, UnknownFunction> {
    if let Ok(of_sites) = sites_named(name) {
        return Ok(of_sites.into_iter().flat_map(Callsite::instances).collect());
    }
    // With its types.
    let of_types: Vec<_> =
        sites().flat_map(Callsite::instances).filter(|instance| instance.name().text == name).collect();
    if of_types.is_empty() { Err(UnknownFunction::new(name.to_owned(), near(name))) } else { Ok(of_types) }
}

/// The functions with this name, or with a path that ends in it.
///
/// # Errors
/// [`UnknownFunction`]: no cached function of the binary has the name.
pub(crate) fn sites_named(name: &str) -> Result<Vec<&'static Callsite>, UnknownFunction> {
    let meant: Vec<_> = sites().filter(|site| is_named(site.info(), name)).collect();
    if meant.is_empty() { Err(UnknownFunction::new(name.to_owned(), near(name))) } else { Ok(meant) }
}

/// Whether this is its name, or the end of its path.
pub(crate) fn is_named(info: &CallsiteInfo, name: &str) -> bool {
    let ends =
        |path: &String| path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with("::"));
    !name.is_empty() && names(info).iter().any(ends)
}

/// As written after `fn`, with the module, and as it is called outside of the process.
fn names(info: &CallsiteInfo) -> [String; 3] {
    [info.name.to_owned(), format!("{}::{}", info.module, info.name), site_name(info)]
}

/// The names outside of the process of the functions that may be meant, the nearest first.
fn near(typed: &str) -> Vec<String> {
    let last = |name: &str| name.rsplit("::").next().unwrap_or_default().to_owned();
    let mut all: Vec<_> = sites()
        .map(|site| {
            let [written, with_module, outside] = names(site.info());
            let nearest = [distance(typed, &with_module), distance(typed, &outside), distance(&last(typed), &written)];
            (nearest.into_iter().min().unwrap_or(usize::MAX), outside)
        })
        .filter(|(distance, _)| *distance <= (last(typed).chars().count() / 3).max(1))
        .collect();
    all.sort();
    all.dedup();
    all.into_iter().take(SUGGESTED).map(|(_, name)| name).collect()
}

/// The insertions, deletions, replacements and swaps of neighbours between two names.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    rows[0] = (0..=other.len()).collect();
    for i in 1..=one.len() {
        rows[i][0] = i;
        for j in 1..=other.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_the_number_of_edits() {
        for (one, other, edits) in
            [("find", "find", 0), ("fnd", "find", 1), ("find", "", 4), ("fnid", "find", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (edits, edits), "{one} {other}");
        }
    }
}
