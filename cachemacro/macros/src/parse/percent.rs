//! `"10%"` to a fraction.

/// Reads a whole or decimal percentage from `0%` to `50%`.
pub(crate) fn read(text: &str) -> Result<f64, &'static str> {
    let number = text.strip_suffix('%').ok_or("has no `%` at its end")?;
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let percent: f64 = number.parse().ok().filter(|_| plain).ok_or("is not a number before the `%`")?;
    if percent > 50.0 { Err("is more than 50%") } else { Ok(percent / 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_in_range() {
        assert_eq!(read("0%"), Ok(0.0));
        assert_eq!(read("10%"), Ok(0.1));
        assert_eq!(read("12.5%"), Ok(0.125));
        assert_eq!(read("50%"), Ok(0.5));
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "%", "10", "51%", "-1%", "1e1%", "inf%", "NaN%", "..%", "1.2.3%", "10 %"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
