//! Durations as people write them: `10m`, `1h30m`, `250ms`.

use std::time::Duration;

const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The exact duration, in as many units as needed.
pub(crate) fn human(duration: Duration) -> String {
    let mut left = duration.as_nanos();
    let mut text = String::new();
    for (unit, size) in UNITS {
        if left >= size {
            text += &format!("{}{unit}", left / size);
            left %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_annotations_write_them() {
        let written = [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(250), "250ms"),
            (Duration::from_millis(1_500), "1s500ms"),
            (Duration::from_secs(60), "1m"),
            (Duration::from_secs(600), "10m"),
            (Duration::from_secs(5_400), "1h30m"),
            (Duration::from_secs(86_400 + 30), "1d30s"),
            (Duration::from_micros(7), "7us"),
        ];
        for (duration, text) in written {
            assert_eq!(human(duration), text);
        }
    }
}
