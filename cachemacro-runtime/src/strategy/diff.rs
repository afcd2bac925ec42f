//! Which lines of a document changed.

/// The most lines of a difference that are shown; further ones are counted.
const SHOWN: usize = 40;

enum Change<'a> {
    Kept,
    Removed(&'a str),
    Added(&'a str),
}

/// The changed lines, `-` for what is written and `+` for what should be, each run under the line it begins at.
pub(super) fn diff(written: &str, wanted: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (written.lines().collect(), wanted.lines().collect());
    let mut shown = Vec::new();
    let (mut line, mut is_in_run) = (1, false);
    for change in changes(&old, &new) {
        let (sign, text, step) = match change {
            Change::Kept => {
                (line, is_in_run) = (line + 1, false);
                continue;
            }
            Change::Removed(text) => ('-', text, 1),
            Change::Added(text) => ('+', text, 0),
        };
        if !is_in_run {
            shown.push(format!("line {line}:"));
        }
        shown.push(format!("{sign} {text}").trim_end().to_owned());
        (line, is_in_run) = (line + step, true);
    }
    if shown.is_empty() {
        shown.push("the blank end of the file".to_owned());
    }
    let left = shown.len().saturating_sub(SHOWN);
    shown.truncate(SHOWN);
    if left > 0 {
        shown.push(format!("… and {left} lines more"));
    }
    shown.join("\n")
}

/// A longest common subsequence, between what is equal at both ends.
fn changes<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Change<'a>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);

    // `common[i][j]`: the length of the longest subsequence that `old[i..]` and `new[j..]` share.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i][j] = if a == b { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let mut changes: Vec<_> = (0..head).map(|_| Change::Kept).collect();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            changes.push(Change::Kept);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            changes.push(Change::Removed(old[i]));
            i += 1;
        } else {
            changes.push(Change::Added(new[j]));
            j += 1;
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_lines_are_shown_under_their_place() {
        assert_eq!(diff("a\nb\nc\nd\n", "a\nB\nc\nd\ne\n"), "line 2:\n- b\n+ B\nline 5:\n+ e");
        assert_eq!(diff("", "a\n"), "line 1:\n+ a");
        assert_eq!(diff("a\nb\n", ""), "line 1:\n- a\n- b");
        assert_eq!(diff("a", "a\n"), "the blank end of the file");
    }

    #[test]
    fn a_long_difference_is_cut() {
        let wanted = "x\n".repeat(100);
        let shown = diff("", &wanted);
        assert_eq!(shown.lines().count(), SHOWN + 1);
        assert!(shown.ends_with("… and 61 lines more"), "{shown}");
    }
}
