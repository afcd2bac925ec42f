//! The report as a file of the repository.

use std::path::Path;
use std::{env, fs, io};

use super::diff::diff;

/// Asks for the file to be written instead of compared.
const UPDATE: &str = "CACHEMACRO_UPDATE";

pub(super) fn is_update_asked() -> bool {
    env::var_os(UPDATE).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Compares the file with the expected text, or writes it. The error is the message of the failed test.
pub(super) fn check(wanted: &str, path: &Path, update: bool) -> Result<(), String> {
    let shown = path.display();
    let written = match fs::read_to_string(path) {
        Ok(written) => Some(written.replace("\r\n", "\n")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) if !update => return Err(format!("{shown} cannot be read: {error}")),
        Err(_) => None,
    };
    match written {
        Some(written) if written == wanted => Ok(()),
        _ if update => write(wanted, path).map_err(|error| format!("{shown} cannot be written: {error}")),
        Some(written) => Err(format!(
            "{shown} does not say what the annotations say (- the file, + the annotations)\n\n{}\n\nIf the \
             change is meant, run this test with {UPDATE}=1 and commit the file.",
            diff(&written, wanted),
        )),
        None => Err(format!(
            "{shown} does not exist (paths are relative to the package's root); run this test with {UPDATE}=1 \
             to write it, then read and commit it"
        )),
    }
}

fn write(wanted: &str, path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, wanted)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::path::PathBuf;
    use std::{env, fs, process};

    use super::*;
    use crate::strategy::fixture;

    /// A folder of one test, removed when it ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let path = env::temp_dir().join(format!("cachemacro-strategy-{test}-{}", process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_missing_file_says_how_to_make_it() {
        let folder = Folder::new("missing");
        let complaint = check("text\n", &folder.0.join("CACHING.md"), false).unwrap_err();
        assert!(complaint.contains("does not exist"), "{complaint}");
        assert!(complaint.contains("CACHEMACRO_UPDATE=1"), "{complaint}");
        assert!(!folder.0.join("CACHING.md").exists());
    }

    #[test]
    fn an_update_writes_what_the_next_check_accepts() {
        let folder = Folder::new("update");
        let path = folder.0.join("docs").join("CACHING.md");
        check("old\n", &path, true).unwrap();
        check("new\n", &path, true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        check("new\n", &path, false).unwrap();
    }

    #[test]
    fn line_endings_are_not_compared_and_not_rewritten() {
        let folder = Folder::new("endings");
        let path = folder.0.join("CACHING.md");
        fs::write(&path, "a\r\nb\r\n").unwrap();
        check("a\nb\n", &path, false).unwrap();
        check("a\nb\n", &path, true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\r\nb\r\n");
    }

    #[test]
    fn a_mismatch_panics_with_the_changed_lines() {
        let folder = Folder::new("mismatch");
        let path = folder.0.join("CACHING.md");
        let strategy = fixture::shop();
        fs::write(&path, strategy.to_markdown().replace("| 0s | 10m, absence 10s |", "| 0s | 5m |")).unwrap();
        let panic = catch_unwind(|| strategy.match_or_update(&path, false)).unwrap_err();
        let complaint = panic.downcast_ref::<String>().unwrap();
        let changed: Vec<_> =
            complaint.lines().filter(|line| line.starts_with("- |") || line.starts_with("+ |")).collect();
        assert!(
            matches!(changed[..], [old, new] if old.ends_with("| 5m |") && new.ends_with("absence 10s |")),
            "{complaint}"
        );
        assert!(complaint.contains("run this test with CACHEMACRO_UPDATE=1"), "{complaint}");
        strategy.match_or_update(&path, true);
        strategy.match_or_update(&path, false);
    }
}
