//! Announcements on the wire: fields of a stream entry. Other programs may read them too.

use cachemacro_runtime::store::{Aggregate, Move, Notice};

use crate::keys::{escaped, unescaped};

/// One notice, `restore user:123 9 5`.
pub(crate) fn render(aggregate: &Aggregate, notice: Notice) -> String {
    let name = escaped(aggregate.as_str().as_bytes(), b"");
    match notice {
        Notice::Moved(Move::Bump(version)) => format!("bump {name} {version}"),
        Notice::Moved(Move::Next) => format!("next {name}"),
        Notice::Moved(Move::Restore { version, of }) => format!("restore {name} {version} {of}"),
        Notice::Moved(Move::Rollback { to }) => format!("rollback {name} {to}"),
        Notice::Reset => format!("reset {name}"),
    }
}

/// The notices, one on each line; `None` if a line cannot be read, for example one from a newer version of this crate.
pub(crate) fn parse(lines: &str) -> Option<Vec<(Aggregate, Notice)>> {
    lines.lines().map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(Aggregate, Notice)> {
    let mut words = line.split(' ');
    let (what, name) = (words.next()?, unescaped(words.next()?)?);
    let mut number = || words.next()?.parse().ok();
    let notice = match what {
        "bump" => Notice::Moved(Move::Bump(number()?)),
        "next" => Notice::Moved(Move::Next),
        "restore" => Notice::Moved(Move::Restore { version: number()?, of: number()? }),
        "rollback" => Notice::Moved(Move::Rollback { to: number()? }),
        "reset" => Notice::Reset,
        _ => return None,
    };
    words.next().is_none().then(|| (Aggregate::new(&name), notice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_it_was() {
        let user = Aggregate::new("user:123");
        let all = [
            ("bump user:123 7", Notice::Moved(Move::Bump(7))),
            ("next user:123", Notice::Moved(Move::Next)),
            ("restore user:123 9 5", Notice::Moved(Move::Restore { version: 9, of: 5 })),
            ("rollback user:123 5", Notice::Moved(Move::Rollback { to: 5 })),
            ("reset user:123", Notice::Reset),
        ];
        for (line, notice) in all {
            assert_eq!(render(&user, notice), line);
            assert_eq!(parse(line), Some(vec![(user.clone(), notice)]));
        }
    }

    #[test]
    fn any_name_comes_through() {
        for name in ["a b", "a\nbump c 9", "!20", "\u{e9}{}", ""] {
            let notices = vec![(Aggregate::new(name), Notice::Reset), (Aggregate::new("b"), Notice::Moved(Move::Next))];
            let lines: Vec<_> = notices.iter().map(|(name, notice)| render(name, *notice)).collect();
            assert_eq!(parse(&lines.join("\n")), Some(notices));
        }
    }

    #[test]
    fn what_is_no_notice_is_none() {
        for line in ["bump", "bump a", "bump a x", "bump a 1 2", "shake a", "next a!2", "next a!zz", "next a!C3"] {
            assert_eq!(parse(line), None, "{line}");
        }
        assert_eq!(parse(""), Some(Vec::new()));
    }
}
