//! Types of other crates in keys, each behind a feature of its name.

#[cfg(feature = "uuid")]
mod of_uuid {
    use crate::key::part::{KeyPart, own_canonical};
    use crate::key::writer::KeyWriter;

    impl KeyPart for uuid::Uuid {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            out.encoded(self.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).as_bytes());
        }
    }
}

/// Equal times have one text, whatever their offset: seconds and nanoseconds since 1970.
#[cfg(feature = "chrono")]
mod of_chrono {
    use chrono::{
        DateTime, Datelike, FixedOffset, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike,
        Weekday,
    };

    use crate::key::part::{KeyPart, own_canonical};
    use crate::key::writer::KeyWriter;

    fn render(seconds: i64, nanoseconds: u32, out: &mut KeyWriter) {
        seconds.render(out);
        out.literal(".");
        nanoseconds.render(out);
    }

    impl<Tz: TimeZone> KeyPart for DateTime<Tz> {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            render(self.timestamp(), self.timestamp_subsec_nanos(), out);
        }
    }

    impl KeyPart for NaiveDateTime {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.and_utc().render(out);
        }
    }

    impl KeyPart for NaiveDate {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            out.encoded(format!("{}-{:02}-{:02}", self.year(), self.month(), self.day()).as_bytes());
        }
    }

    impl KeyPart for NaiveTime {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            render(i64::from(self.num_seconds_from_midnight()), self.nanosecond(), out);
        }
    }

    impl KeyPart for TimeDelta {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.num_seconds().render(out);
            out.literal(".");
            self.subsec_nanos().render(out);
        }
    }

    impl KeyPart for FixedOffset {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.local_minus_utc().render(out);
        }
    }

    impl KeyPart for Weekday {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.num_days_from_monday().render(out);
        }
    }

    impl KeyPart for Month {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.number_from_month().render(out);
        }
    }
}

/// As those of `chrono`, in nanoseconds.
#[cfg(feature = "time")]
mod of_time {
    use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset, Weekday};

    use crate::key::part::{KeyPart, own_canonical};
    use crate::key::writer::KeyWriter;

    impl KeyPart for OffsetDateTime {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.unix_timestamp_nanos().render(out);
        }
    }

    impl KeyPart for PrimitiveDateTime {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.assume_utc().render(out);
        }
    }

    impl KeyPart for Date {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            let (year, month, day) = self.to_calendar_date();
            out.encoded(format!("{year}-{:02}-{day:02}", u8::from(month)).as_bytes());
        }
    }

    impl KeyPart for Time {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            let (hour, minute, second, nanosecond) = self.as_hms_nano();
            let seconds = u64::from(hour) * 3_600 + u64::from(minute) * 60 + u64::from(second);
            (seconds * 1_000_000_000 + u64::from(nanosecond)).render(out);
        }
    }

    impl KeyPart for Duration {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.whole_nanoseconds().render(out);
        }
    }

    impl KeyPart for UtcOffset {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.whole_seconds().render(out);
        }
    }

    impl KeyPart for Weekday {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            self.number_days_from_monday().render(out);
        }
    }
}

#[cfg(feature = "rust_decimal")]
mod of_decimal {
    use rust_decimal::Decimal;

    use crate::key::part::{KeyPart, own_canonical};
    use crate::key::writer::KeyWriter;

    /// Equal numbers have one text, whatever their scale: `1.50` is `1.5`, and `-0` is `0`.
    impl KeyPart for Decimal {
        own_canonical!();
        fn render(&self, out: &mut KeyWriter) {
            let text = if self.is_zero() { "0".to_owned() } else { self.normalize().to_string() };
            out.encoded(text.as_bytes());
        }
    }
}

#[cfg(all(test, feature = "chrono", feature = "time", feature = "rust_decimal"))]
mod tests {
    use proptest::prelude::*;

    use super::super::{KeyPart, KeyWriter};

    fn text(value: &(impl KeyPart + ?Sized)) -> String {
        let mut out = KeyWriter::new();
        value.render(&mut out);
        out.to_string()
    }

    #[test]
    fn equal_times_have_one_text() {
        use chrono::{DateTime, Utc};
        let utc: DateTime<Utc> = "2024-02-29T12:00:00.5Z".parse().expect("a time");
        let elsewhere = DateTime::parse_from_rfc3339("2024-02-29T14:00:00.5+02:00").expect("a time");
        assert_eq!(text(&utc), "1709208000.500000000");
        assert_eq!(text(&utc), text(&elsewhere));
        assert_ne!(text(&utc), text(&(utc + chrono::TimeDelta::nanoseconds(1))));
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(-1).expect("a time");
        assert_eq!(text(&time), "-1");
        let offset = time::UtcOffset::from_hms(2, 0, 0).expect("an offset");
        assert_eq!(text(&time.to_offset(offset)), "-1");
        assert_eq!(text(&chrono::NaiveDate::from_ymd_opt(2024, 2, 9).expect("a date")), "2024-02-09");
        assert_eq!(
            text(&time::Date::from_calendar_date(2024, time::Month::February, 9).expect("a date")),
            "2024-02-09"
        );
    }

    proptest! {
        #[test]
        fn decimals_are_compared_by_value(one in (-3_i64..3, 0..3_u32, 0..4_u32), other in (-3_i64..3, 0..3_u32, 0..4_u32)) {
            use rust_decimal::Decimal;
            // Few numbers, in forms with and without zeros behind them.
            let decimal = |(digits, zeros, scale): (i64, u32, u32)| Decimal::new(digits * 10_i64.pow(zeros), scale);
            let (one, other) = (decimal(one), decimal(other));
            prop_assert_eq!(text(&one) == text(&other), one == other);
            prop_assert_eq!(text(&one), text(&-(-one)));
        }

        #[test]
        fn times_with_leap_seconds_and_before_1970_are_told_apart(
            one in (-3_i64..3, 0..4_u32), other in (-3_i64..3, 0..4_u32),
        ) {
            let at = |(seconds, half): (i64, u32)| {
                chrono::DateTime::from_timestamp(seconds * 60 + 59, half * 500_000_000).expect("a time")
            };
            prop_assert_eq!(text(&at(one)) == text(&at(other)), at(one) == at(other));
        }
    }
}
