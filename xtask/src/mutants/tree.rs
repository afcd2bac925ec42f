//! A copy of the work tree, in which one mechanism at a time is off.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::mutant::Mutant;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Of all files that git knows, as they are now.
    pub(crate) fn copy() -> Result<Self, String> {
        let root = Path::new(ROOT).join("target/mutants/tree");
        let mut git = Command::new("git");
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(ROOT);
        let listed = git.output().map_err(|error| format!("cannot start git: {error}"))?;
        let mut copied = BTreeSet::new();
        for name in String::from_utf8_lossy(&listed.stdout).lines() {
            let from = Path::new(ROOT).join(name);
            if from.is_file() {
                write(&root.join(name), &read(&from)?)?;
                copied.insert(root.join(name));
            }
        }
        remove_others(&root, &copied).map_err(|error| format!("cannot clear {}: {error}", root.display()))?;
        Ok(Self { root })
    }

    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = crate::cargo();
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", Path::new(ROOT).join("target/mutants/target"));
        cargo
    }

    /// Switches the mechanism off.
    pub(crate) fn apply(&self, mutant: &Mutant) -> Result<(), String> {
        for edit in mutant.edits {
            let path = self.root.join(edit.file);
            let text = String::from_utf8(read(&path)?).map_err(|_| format!("{} is no text", edit.file))?;
            if text.matches(edit.from).count() != 1 {
                return Err(format!(
                    "the mutant `{}` is to change one place in {}, and finds another number",
                    mutant.name, edit.file
                ));
            }
            write(&path, text.replace(edit.from, edit.to).as_bytes())?;
        }
        Ok(())
    }

    /// Brings its files back.
    pub(crate) fn restore(&self, mutant: &Mutant) -> Result<(), String> {
        for edit in mutant.edits {
            let of_tree = self.root.join(edit.file);
            write(&of_tree, &read(&Path::new(ROOT).join(edit.file))?)?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Only what is new: cargo goes by the time of a file.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// An earlier copy may have files that were removed since, or have moved.
fn remove_others(folder: &Path, copied: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, copied)?;
        } else if !copied.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
