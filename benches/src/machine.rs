//! The machine, the compiler, and the versions of all contestants.

use std::fmt::Write;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

/// The lock file that this was built with.
const LOCK: &str = include_str!("../Cargo.lock");

/// The packages whose versions matter.
const PACKAGES: [&str; 16] = [
    "accelerator",
    "amalgam-cache",
    "cached",
    "cachekit-rs",
    "cachemacro",
    "foyer-memory",
    "hitbox",
    "hitbox-fn",
    "hitbox-moka",
    "hitbox-redis",
    "moka",
    "papaya",
    "quick_cache",
    "redis",
    "scc",
    "tokio",
];

/// The version of a package, from the lock file.
#[must_use]
pub fn version(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// How many things run at once.
#[must_use]
pub fn cores() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    *CORES
}

/// What the report says about them.
#[must_use]
pub fn describe() -> String {
    let mut text = format!("{} cores ({}), {}", cores(), processor(), rustc());
    if let Some(server) = output("redis-server", &["--version"]) {
        let version = server.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("?");
        let _ = write!(text, ", Redis {version}");
    }
    text.push_str(".\n\n");
    let versions: Vec<_> = PACKAGES.iter().filter_map(|name| Some(format!("`{name}` {}", version(name)?))).collect();
    let _ = writeln!(text, "{}.\n", versions.join(", "));
    text
}

/// How many cores other programs keep busy, in a second in which this one sleeps. None where the system does not say. The average of
/// the last minute would count the build of this program.
#[must_use]
pub fn load() -> Option<f64> {
    let before = busy_ticks()?;
    std::thread::sleep(Duration::from_secs(1));
    // A tick is a hundredth of a second on all of them.
    Some((busy_ticks()? - before) / 100.0)
}

/// The ticks in which any core worked: for users, their background work and the system.
fn busy_ticks() -> Option<f64> {
    let all = std::fs::read_to_string("/proc/stat").ok()?;
    all.lines().next()?.split_whitespace().skip(1).take(3).map(|ticks| ticks.parse::<f64>().ok()).sum()
}

fn processor() -> String {
    let all = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = all.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

fn rustc() -> String {
    let program = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(&program, &["--version"]).unwrap_or_default();
    version.split(" (").next().unwrap_or_default().to_owned()
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{PACKAGES, version};

    #[test]
    fn every_package_is_in_the_lock_file() {
        for package in PACKAGES {
            assert!(version(package).is_some(), "{package}");
        }
    }
}
