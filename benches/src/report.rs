//! docs/PERFORMANCE.md: sections, of which every benchmark writes its own and leaves the others as they are.

use std::path::{Path, PathBuf};

/// The sections in their order.
const SECTIONS: [&str; 10] =
    ["run", "promises", "hits", "threads", "redis", "stampede", "writes", "scale", "replay", "compile"];

/// The sections of this run.
#[derive(Default)]
pub struct Report {
    sections: Vec<(&'static str, String)>,
}

impl Report {
    /// Prints a section, and keeps it for [`Report::write`].
    ///
    /// # Panics
    /// If it is none of the known sections.
    pub fn add(&mut self, section: &'static str, text: String) {
        assert!(SECTIONS.contains(&section), "an unknown section: {section}");
        println!("{text}");
        self.sections.push((section, text));
    }

    /// Puts the sections into the file.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn write(&self) {
        let path = path();
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, self.merge(&before)).expect("docs/ can be written");
        println!("written to docs/PERFORMANCE.md");
    }

    fn merge(&self, before: &str) -> String {
        let mut text = "# What a cached call costs\n\n".to_owned();
        for section in SECTIONS {
            let new = self.sections.iter().find(|(name, _)| *name == section).map(|(_, text)| text.as_str());
            if let Some(body) = new.or_else(|| find(before, section)) {
                text += &format!("{}\n{}\n\n{}\n\n", begin(section), body.trim(), end(section));
            }
        }
        text.trim_end().to_owned() + "\n"
    }
}

fn begin(section: &str) -> String {
    format!("<!-- begin: {section} -->")
}

fn end(section: &str) -> String {
    format!("<!-- end: {section} -->")
}

/// A section of a report that was written before.
fn find<'t>(text: &'t str, section: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&begin(section))?;
    Some(rest.split_once(&end(section))?.0)
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PERFORMANCE.md")
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn sections_of_others_stay() {
        let first = Report { sections: vec![("hits", "fast".into()), ("compile", "quick".into())] }.merge("");
        let second = Report { sections: vec![("hits", "faster".into())] }.merge(&first);
        assert!(second.contains("faster") && second.contains("quick") && !second.contains("fast\n"), "{second}");
    }
}
