//! Durations: `"1h30m"`. No input panics.

use std::fmt;
use std::time::Duration;

/// The units, largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const ALLOWED: &str =
    "the units are `ms`, `s`, `m`, `h` and `d`, as in \"500ms\", \"60s\", \"10m\", \"1h30m\" or \"2d\"";

/// Why a text is not a duration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DurationFault {
    Empty,
    /// A number without a unit.
    NoUnit(String),
    /// A unit without a number.
    NoNumber(String),
    UnknownUnit(String),
    Fraction,
    /// `"1m1m"` or `"30m1h"`.
    OutOfOrder(String),
    Zero,
    TooLong,
}

impl DurationFault {
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::NoUnit(number) => format!("write \"{number}s\" for seconds; {ALLOWED}"),
            Self::Fraction => "write it in whole numbers of a smaller unit: \"1h30m\" instead of \"1.5h\"".to_owned(),
            Self::OutOfOrder(_) => "write each unit once, the largest first: \"1h30m\"".to_owned(),
            Self::Zero => "write a duration greater than zero, or leave the attribute out".to_owned(),
            Self::TooLong => "write at most 36500d, a hundred years".to_owned(),
            Self::Empty | Self::NoNumber(_) | Self::UnknownUnit(_) => ALLOWED.to_owned(),
        }
    }
}

impl fmt::Display for DurationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::NoUnit(number) => write!(f, "has a number without a unit: `{number}`"),
            Self::NoNumber(unit) => write!(f, "has no number before `{unit}`"),
            Self::UnknownUnit(unit) => write!(f, "has an unknown unit: `{unit}`"),
            Self::Fraction => f.write_str("has a fraction"),
            Self::OutOfOrder(unit) => write!(f, "has `{unit}` out of order"),
            Self::Zero => f.write_str("is zero"),
            Self::TooLong => f.write_str("is too long"),
        }
    }
}

/// Reads a duration such as `500ms`, `60s`, `10m`, `1h30m` or `2d`.
pub(crate) fn read(text: &str) -> Result<Duration, DurationFault> {
    const LONGEST: u64 = 36_500 * 86_400_000;
    if text.trim().is_empty() {
        return Err(DurationFault::Empty);
    }
    if text.contains(['.', ',']) {
        return Err(DurationFault::Fraction);
    }
    let mut rest = text;
    let mut smallest = u64::MAX;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = take(rest, |c| c.is_ascii_digit());
        let (unit, after) = take(after, |c| !c.is_ascii_digit());
        let millis = unit_of(number, unit)?;
        if millis >= smallest {
            return Err(DurationFault::OutOfOrder(unit.to_owned()));
        }
        smallest = millis;
        let part = number.parse::<u64>().ok().and_then(|count| count.checked_mul(millis));
        total = part
            .and_then(|part| total.checked_add(part))
            .filter(|all| *all <= LONGEST)
            .ok_or(DurationFault::TooLong)?;
        rest = after;
    }
    if total == 0 { Err(DurationFault::Zero) } else { Ok(Duration::from_millis(total)) }
}

fn unit_of(number: &str, unit: &str) -> Result<u64, DurationFault> {
    if number.is_empty() {
        return Err(DurationFault::NoNumber(unit.to_owned()));
    }
    if unit.is_empty() {
        return Err(DurationFault::NoUnit(number.to_owned()));
    }
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    known.map(|(_, millis)| *millis).ok_or_else(|| DurationFault::UnknownUnit(unit.to_owned()))
}

fn take(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}

/// A duration as a user would write it.
#[cfg(test)]
fn spell(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut out = String::new();
    for (unit, millis) in UNITS {
        if left / millis > 0 {
            out.push_str(&format!("{}{unit}", left / millis));
            left %= millis;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit_and_their_sums() {
        for (text, millis) in [
            ("500ms", 500),
            ("60s", 60_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1d1h1m1s1ms", 90_061_001),
            ("0h5s", 5_000),
        ] {
            assert_eq!(read(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(read(""), Err(DurationFault::Empty));
        assert_eq!(read("60"), Err(DurationFault::NoUnit("60".into())));
        assert_eq!(read("s"), Err(DurationFault::NoNumber("s".into())));
        assert_eq!(read("60sec"), Err(DurationFault::UnknownUnit("sec".into())));
        assert_eq!(read("1h 30m"), Err(DurationFault::UnknownUnit("h ".into())));
        assert_eq!(read("1.5h"), Err(DurationFault::Fraction));
        assert_eq!(read("30m1h"), Err(DurationFault::OutOfOrder("h".into())));
        assert_eq!(read("0s"), Err(DurationFault::Zero));
        assert_eq!(read("99999999999999999999d"), Err(DurationFault::TooLong));
        assert_eq!(read("36501d"), Err(DurationFault::TooLong));
    }

    #[test]
    fn spelling_is_the_inverse_of_reading() {
        for text in ["500ms", "1m", "1h30m", "2d", "1d1h1m1s1ms"] {
            assert_eq!(spell(read(text).unwrap()), text);
        }
    }

    #[test]
    fn no_short_text_panics() {
        let alphabet = ['0', '1', '9', 's', 'm', 'h', 'd', ' ', '.', '-', 'é'];
        let mut texts = vec![String::new()];
        for _ in 0..4 {
            texts = texts.iter().flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}"))).collect();
            for text in &texts {
                match read(text) {
                    Ok(duration) => assert_eq!(read(&spell(duration)), Ok(duration)),
                    Err(fault) => assert!(!fault.to_string().is_empty() && !fault.remedy().is_empty()),
                }
            }
        }
    }
}
