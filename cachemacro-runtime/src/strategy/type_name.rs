//! Names of value types, for people and for comparison.

/// A type without the modules of its names: `alloc::vec::Vec<shop::City>` is `Vec<City>`.
pub(super) fn shorten(full: &str) -> String {
    let mut short = String::with_capacity(full.len());
    let mut path_begins = 0;
    let mut rest = full;
    while let Some(character) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            short.truncate(path_begins);
            rest = after;
            continue;
        }
        short.push(character);
        if !(character.is_alphanumeric() || character == '_') {
            path_begins = short.len();
        }
        rest = &rest[character.len_utf8()..];
    }
    short
}

/// The type of the cached values, from a return type as written: `Result<Option<User>, Error>` has `User`.
pub(super) fn value_of(returns: &str) -> &str {
    let inner = argument_of(returns.trim(), "Result");
    argument_of(inner, "Option")
}

/// The first generic argument, if the type has this name.
fn argument_of<'a>(spelled: &'a str, name: &str) -> &'a str {
    let Some((path, arguments)) = spelled.split_once('<') else { return spelled };
    let is_called = path.rsplit("::").next().is_some_and(|last| last.trim() == name);
    let Some(arguments) = arguments.trim_end().strip_suffix('>').filter(|_| is_called) else { return spelled };
    let mut depth = 0_i32;
    let end = arguments.find(|character| {
        match character {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    arguments[..end.unwrap_or(arguments.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shortened_wherever_they_stand() {
        assert_eq!(shorten("alloc::vec::Vec<(u64, shop::model::City)>"), "Vec<(u64, City)>");
        assert_eq!(shorten("&'static shop::City"), "&'static City");
        assert_eq!(shorten("u64"), "u64");
    }

    #[test]
    fn a_spelled_return_type_gives_its_value() {
        assert_eq!(value_of("Result<Option<User>, sqlx::Error>"), "User");
        assert_eq!(value_of("sqlx::Result<(u64, String)>"), "(u64, String)");
        assert_eq!(value_of("Option<Vec<Option<u8>>>"), "Vec<Option<u8>>");
        assert_eq!(value_of("Vec<Result<u8, u8>>"), "Vec<Result<u8, u8>>");
        assert_eq!(value_of("Option<Result<u8, u8>>"), "Result<u8, u8>");
    }
}
