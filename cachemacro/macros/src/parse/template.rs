//! Key templates: `"user:<org>:<id>"` to its pieces. No input panics.

use std::ops::Range;

/// The most literal text of one template, in bytes.
const LONGEST_LITERAL: usize = 200;

#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) enum RawPiece {
    Text(String),
    Place(RawPlace),
    /// `<email.to_lowercase()>`: an expression.
    Computed(String),
    /// A placeholder that does not say which: `{}`.
    Unnamed,
}

/// `<user.id>`: a root, and the fields or positions after it.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct RawPlace {
    pub(crate) root: String,
    pub(crate) members: Vec<String>,
}

impl RawPlace {
    pub(crate) fn spelled(&self) -> String {
        let mut out = format!("<{}", self.root);
        for member in &self.members {
            out.push('.');
            out.push_str(member);
        }
        out.push('>');
        out
    }
}

/// One mistake in a template, and the characters it covers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: Range<usize>,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl Fault {
    /// The template with the mistake underlined, as stable Rust has no spans inside a literal.
    pub(crate) fn shown(&self, template: &str) -> String {
        const WIDEST: usize = 80;
        let text: Vec<char> = template.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        if self.at.len() > WIDEST {
            return format!("  in \"{}…\"", text[..WIDEST / 2].iter().collect::<String>());
        }
        let from = if text.len() > WIDEST { self.at.start.saturating_sub(WIDEST / 4) } else { 0 };
        let to = text.len().min(from + WIDEST.max(self.at.end - from));
        let before = if from > 0 { "…" } else { "" };
        let after = if to < text.len() { "…" } else { "" };
        let shown: String = text[from..to].iter().collect();
        let indent = " ".repeat(before.chars().count() + self.at.start - from);
        format!("  in \"{before}{shown}{after}\"\n      {indent}{}", "^".repeat(self.at.len().max(1)))
    }
}

/// Reads a template, and finds all faults in one pass.
pub(crate) fn read(text: &str) -> (Vec<RawPiece>, Vec<Fault>) {
    let mut reader = Reader { chars: text.chars().collect(), ..Reader::default() };
    reader.run();
    (reader.pieces, reader.faults)
}

#[derive(Default)]
struct Reader {
    chars: Vec<char>,
    at: usize,
    pieces: Vec<RawPiece>,
    faults: Vec<Fault>,
    /// The place of the last placeholder, if there is one.
    last_place: Option<Range<usize>>,
}

impl Reader {
    fn run(&mut self) {
        if self.chars.is_empty() {
            self.fault(0..0, "the template is empty".into(), "write what the key is about, such as \"user:<id>\"");
        }
        while self.at < self.chars.len() {
            if self.chars[self.at] == '<' { self.place() } else { self.text() }
        }
        let length: usize = self.texts().map(str::len).sum();
        if length > LONGEST_LITERAL {
            let what = format!("the literal text is {length} bytes long; at most {LONGEST_LITERAL} are allowed");
            self.fault(0..self.chars.len(), what, "shorten it: every key of this function repeats it");
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            RawPiece::Text(text) => Some(text.as_str()),
            RawPiece::Place(_) | RawPiece::Computed(_) | RawPiece::Unnamed => None,
        })
    }

    fn fault(&mut self, at: Range<usize>, what: String, remedy: impl Into<String>) {
        self.faults.push(Fault { at, what, remedy: remedy.into() });
    }

    fn text(&mut self) {
        let start = self.at;
        while self.at < self.chars.len() && self.chars[self.at] != '<' {
            match self.chars[self.at] {
                '{' => self.braces(),
                c => {
                    if let Some((what, remedy)) = refused(c) {
                        self.fault(self.at..self.at + 1, what, remedy);
                    }
                    self.at += 1;
                }
            }
        }
        let text = self.chars[start..self.at].iter().collect();
        self.pieces.push(RawPiece::Text(text));
    }

    /// `{id}`, as `format!` has it: one fault, and a placeholder that other rules go on with.
    fn braces(&mut self) {
        let is_open = |at: &usize| self.chars.get(*at) == Some(&'{');
        let opened = (self.at..self.chars.len()).take_while(is_open).count();
        let begins = if self.at > 0 && self.chars[self.at - 1] == '$' { self.at - 1 } else { self.at };
        let inner: String = self.chars[self.at + opened..].iter().take_while(|c| **c != '}').collect();
        let end = (self.at + opened + inner.chars().count() + opened).min(self.chars.len());
        let name = inner.split(':').next().unwrap_or_default().trim();
        let place = read_place(name).ok().filter(|_| !inner.contains(['(', '!', '"']));
        let (what, remedy) = match &place {
            Some(place) => {
                let whole =
                    [&self.chars[..begins], &place.spelled().chars().collect::<Vec<_>>(), &self.chars[end..]].concat();
                let whole: String = whole.into_iter().collect();
                let remedy = if whole.contains(['{', '}']) {
                    format!("did you mean `{}`?", place.spelled())
                } else {
                    format!("did you mean `{}`: \"{}\"?", place.spelled(), whole.escape_default())
                };
                ("placeholders of a key are in angle brackets, not in braces", remedy)
            }
            None if name.is_empty() || is_position(name) => {
                let remedy = "name the argument: \"user:<id>\"".to_owned();
                ("placeholders of a key are in angle brackets, and have a name", remedy)
            }
            None => {
                let remedy = "write the text with its placeholders, \"user:<id>\"; a part can be computed: `<email.to_lowercase()>`";
                ("a key is a template, not an expression in braces", remedy.to_owned())
            }
        };
        self.fault(begins..end, what.to_owned(), remedy);
        self.pieces.push(place.map_or(RawPiece::Unnamed, RawPiece::Place));
        // An expression may go on behind a brace inside of it.
        self.at = if what.contains("expression") { self.chars.len() } else { end };
    }

    fn place(&mut self) {
        let start = self.at;
        let angle = (start + 1..self.chars.len()).find(|at| matches!(self.chars[*at], '<' | '>'));
        let close = end_of_place(&self.chars, start).or(angle);
        let Some(close) = close.filter(|at| self.chars[*at] == '>') else {
            self.at = close.unwrap_or(self.chars.len());
            let remedy = "close the placeholder with `>`: \"user:<id>\"";
            return self.fault(start..start + 1, "this `<` is never closed".into(), remedy);
        };
        self.at = close + 1;
        let at = start..self.at;
        self.check_separator(&at);
        let inner: String = self.chars[start + 1..close].iter().collect();
        match read_place(&inner) {
            Ok(place) => self.pieces.push(RawPiece::Place(place)),
            Err(_) if is_expression(&inner) => self.pieces.push(RawPiece::Computed(inner)),
            Err((what, remedy)) => {
                self.fault(at.clone(), what, remedy);
                if inner.contains('(') {
                    self.pieces.push(RawPiece::Unnamed);
                }
            }
        }
        self.last_place = Some(at);
    }

    /// The text between two placeholders must not occur in a rendered argument, or two calls could share a key.
    fn check_separator(&mut self, next: &Range<usize>) {
        let Some(last) = self.last_place.clone() else { return };
        let between = &self.chars[last.end.min(next.start)..next.start];
        let spelled = |at: Range<usize>| self.chars[at].iter().collect::<String>();
        let (a, b) = (spelled(last.clone()), spelled(next.clone()));
        if between.is_empty() {
            let what = format!(
                "`{a}{b}`: nothing separates the two placeholders, so (12, 3) and (1, 23) would share an entry"
            );
            self.fault(last.start..next.end, what, "put a separator between them, such as `:` or `/`");
        } else if between.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '-')) {
            let text: String = between.iter().collect();
            let what = format!(
                "`{text}` does not separate `{a}` from `{b}`: it may also occur in either of them, so that two calls could share an entry"
            );
            self.fault(
                last.end..next.start,
                what,
                "separate them with `:`, `/` or another mark that values never contain",
            );
        }
    }
}

/// Why a character is not allowed in literal text.
fn refused(c: char) -> Option<(String, &'static str)> {
    match c {
        '>' => Some(("this `>` closes nothing".into(), "open the placeholder with `<`: \"user:<id>\"")),
        ' ' => Some(("a key cannot contain a space".into(), "use `:` or `-` instead")),
        '%' | '(' | ')' | ',' | '}' => {
            Some((format!("`{c}` is reserved in stored keys"), "use another mark, such as `:` or `/`"))
        }
        '!'..='~' => None,
        _ if c.is_control() => Some((format!("a key cannot contain the control character {c:?}"), "leave it out")),
        _ => Some((format!("`{c}` is not ASCII"), "write the literal text of keys in printable ASCII")),
    }
}

/// The `>` that ends the placeholder which begins at `start`. Inside of brackets, texts and turbofishes, `<` and `>` belong to its
/// expression. The runtime looks for it in the same way, `event/template.rs`.
fn end_of_place(chars: &[char], start: usize) -> Option<usize> {
    let (mut at, mut depth, mut angles) = (start + 1, 0_usize, 0_usize);
    while at < chars.len() {
        match chars[at] {
            '"' => at = end_of_text(chars, at),
            '\'' if chars.get(at + 2) == Some(&'\'') => at += 2,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '<' if depth == 0 => {
                if !chars[start..at].ends_with(&[':', ':']) && angles == 0 {
                    return None;
                }
                angles += 1;
            }
            '>' if depth == 0 && !matches!(chars[at - 1], '-' | '=') => {
                if angles == 0 {
                    return Some(at);
                }
                angles -= 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The quotation mark that ends a text.
fn end_of_text(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at
}

/// Whether a placeholder is an expression that computes something.
fn is_expression(inner: &str) -> bool {
    let expr = syn::parse_str::<syn::Expr>(inner);
    expr.is_ok_and(|expr| !matches!(expr, syn::Expr::Lit(_) | syn::Expr::Path(_) | syn::Expr::Field(_)))
}

fn read_place(inner: &str) -> Result<RawPlace, (String, &'static str)> {
    if inner.is_empty() {
        return Err(("the placeholder `<>` is empty".into(), "name an argument in it: `<id>`"));
    }
    let mut steps = inner.split('.');
    let root = steps.next().unwrap_or_default();
    let members: Vec<String> = steps.map(str::to_owned).collect();
    let names = is_name(root) && members.iter().all(|step| is_name(step) || is_position(step));
    if !names {
        let remedy = "a placeholder is an argument, a field of one, or an expression: `<id>`, `<user.id>`, `<self.tenant>`, `<pair.0>`, \
                      `<email.to_lowercase()>`";
        return Err((format!("the placeholder `<{}>` is not a name", inner.escape_debug()), remedy));
    }
    Ok(RawPlace { root: root.to_owned(), members })
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next().is_some_and(|c| c == '_' || c.is_alphabetic());
    first && text != "_" && chars.all(|c| c == '_' || c.is_alphanumeric())
}

fn is_position(text: &str) -> bool {
    text.len() <= 4 && (text == "0" || !text.starts_with('0')) && text.parse::<u32>().is_ok() && !text.starts_with('+')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(root: &str, members: &[&str]) -> RawPiece {
        RawPiece::Place(RawPlace { root: root.into(), members: members.iter().map(|m| (*m).into()).collect() })
    }

    fn whats(text: &str) -> Vec<String> {
        read(text).1.into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn reads_text_and_placeholders() {
        let (pieces, faults) = read("org:<self.tenant>:user:<user.id>/<pair.0>");
        assert_eq!(faults, []);
        let text = |text: &str| RawPiece::Text(text.into());
        let user = place("user", &["id"]);
        assert_eq!(
            pieces,
            [text("org:"), place("self", &["tenant"]), text(":user:"), user, text("/"), place("pair", &["0"])]
        );
        assert_eq!(read("settings").1, []);
        assert_eq!(read("<id>").1, []);
    }

    #[test]
    fn expressions_are_read_whole() {
        for inner in [
            "email.to_lowercase()",
            "(a > b)",
            "id / 10",
            "&name[..2]",
            "ids.iter().map(|id| id << 2).sum::<u64>()",
            "ids.iter().copied().collect::<Vec<u64>>()",
            "text.replace(\"<\", \">\")",
            "text.replace('<', \"\\\"\")",
            "format!(\"{a}>{b}\")",
            "price as u64",
            "if a > b { a } else { b }",
            "UserId::get(id)",
        ] {
            let (pieces, faults) = read(&format!("x:<{inner}>:y"));
            let text = |text: &str| RawPiece::Text(text.into());
            // A comparison outside of brackets ends the placeholder.
            if inner.starts_with("if") {
                assert!(!faults.is_empty());
                continue;
            }
            assert_eq!(
                (pieces, faults),
                (vec![text("x:"), RawPiece::Computed(inner.into()), text(":y")], vec![]),
                "{inner}"
            );
        }
    }

    #[test]
    fn finds_every_fault_at_once() {
        let faults = read("a b<><x y><c");
        assert_eq!(faults.1.len(), 5, "{faults:?}");
    }

    #[test]
    fn the_fault_is_underlined() {
        let (_, faults) = read("user:<a><b>");
        assert_eq!(faults[0].at, 5..11);
        assert_eq!(faults[0].shown("user:<a><b>"), "  in \"user:<a><b>\"\n           ^^^^^^");
    }

    #[test]
    fn separators_must_separate() {
        assert!(whats("<a>-<b>")[0].contains("does not separate"));
        assert!(whats("<a>and<b>")[0].contains("does not separate"));
        assert!(whats("<a>:<b>").is_empty());
        assert!(whats("<a>-:<b>").is_empty());
    }

    #[test]
    fn names_each_kind_of_fault() {
        for (text, part) in [
            ("", "empty"),
            ("user:<>", "`<>` is empty"),
            ("user:<id", "never closed"),
            ("user:id>", "closes nothing"),
            ("us er", "space"),
            ("us\ner", "control"),
            ("usér", "not ASCII"),
            ("a%b", "reserved"),
            ("<a.>", "not a name"),
            ("<.a>", "not a name"),
            ("<1>", "not a name"),
            ("<a b>", "not a name"),
            ("<a<b>", "never closed"),
        ] {
            assert!(whats(text).iter().any(|what| what.contains(part)), "{text}: {:?}", whats(text));
        }
        assert!(whats(&"x".repeat(201))[0].contains("201 bytes"));
        assert!(whats(&"x".repeat(200)).is_empty());
    }

    #[test]
    fn no_short_text_panics() {
        let alphabet = ['<', '>', 'a', '.', '0', ':', ' ', '-', 'é', '\u{1}'];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            texts = texts.iter().flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}"))).collect();
            for text in &texts {
                for fault in read(text).1 {
                    assert!(fault.at.end <= text.chars().count() && !fault.shown(text).is_empty());
                }
            }
        }
    }
}
