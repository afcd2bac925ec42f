//! The programs that the tests start, and how they come onto this machine.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program that tests start.
#[derive(PartialEq, Eq, Debug)]
struct Program {
    name: &'static str,
    /// What has it in Debian and its kin.
    package: &'static str,
    tests: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "redis-server",
        package: "redis-server",
        tests: "everything on Redis: store, bus, failover, cluster, the fleet",
    },
    Program {
        name: "redis-sentinel",
        package: "redis-sentinel",
        tests: "cachemacro-redis's connections through Sentinel",
    },
    Program {
        name: "chromium",
        package: "chromium",
        tests: "what a page sees in a browser, by the headers of cachemacro-http",
    },
    Program {
        name: "varnishd",
        package: "varnish varnish-modules",
        tests: "what a CDN keeps of responses, and purges",
    },
    Program {
        name: "valgrind",
        package: "valgrind",
        tests: "the instructions of the hot paths, beside docs/instructions.md",
    },
];

/// What libFuzzer is built with.
const COMPILER: Program =
    Program { name: "c++", package: "g++", tests: "the fuzz targets: libFuzzer is written in C++" };

/// The table of instructions is of x86-64 Linux: elsewhere its test is skipped.
const COUNTS: bool = cfg!(all(target_arch = "x86_64", target_os = "linux"));

/// Whether, and as whom, packages can be installed here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Installer {
    Root,
    /// `sudo` that asks for no password.
    Sudo,
    NoAptGet,
    NotAllowed,
}

/// What to do about the programs that are missing.
#[derive(PartialEq, Eq, Debug)]
enum Plan {
    Nothing,
    /// Commands to run one after the other; the first only refreshes the lists, and may fail.
    Install(Vec<Vec<&'static str>>),
    /// Why nothing can be done.
    GiveUp(&'static str),
}

/// Checks that every program is installed, and installs missing ones if that needs no input.
///
/// # Errors
/// If one is still missing: which, for which tests, and how to install it.
pub(crate) fn provide() -> Result<(), String> {
    provide_all(|| missing(PROGRAMS))
}

/// As [`provide`], for the fuzz targets.
pub(crate) fn provide_compiler() -> Result<(), String> {
    provide_all(|| missing(&[COMPILER]))
}

fn provide_all(list: impl Fn() -> Vec<&'static Program>) -> Result<(), String> {
    let missing = list();
    match plan(&missing, installer) {
        Plan::Nothing => return Ok(()),
        Plan::Install(commands) => commands.iter().for_each(|command| run(command)),
        Plan::GiveUp(reason) => return Err(complaint(&missing, reason)),
    }
    let missing = list();
    if missing.is_empty() { Ok(()) } else { Err(complaint(&missing, "apt-get did not install it")) }
}

fn missing(programs: &'static [Program]) -> Vec<&'static Program> {
    let needed = programs.iter().filter(|program| COUNTS || program.name != "valgrind");
    needed.filter(|program| find(program.name).is_none()).collect()
}

/// Where a program is on the PATH.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|place| place.is_file())
}

/// `installer` is asked only if there is something to install.
fn plan(missing: &[&Program], installer: impl FnOnce() -> Installer) -> Plan {
    if missing.is_empty() {
        return Plan::Nothing;
    }
    // A sudo that passes no variables on needs `env` after it; without sudo it does no harm.
    let apt_get = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let start = match installer() {
        Installer::Root => apt_get.to_vec(),
        Installer::Sudo => [&["sudo", "-n"], &apt_get[..]].concat(),
        Installer::NoAptGet => return Plan::GiveUp("this machine has no apt-get"),
        Installer::NotAllowed => return Plan::GiveUp("we are not root, and sudo is missing or asks for a password"),
    };
    let mut packages: Vec<&str> = missing.iter().flat_map(|program| program.package.split(' ')).collect();
    packages.sort_unstable();
    packages.dedup();
    Plan::Install(vec![
        [&start[..], &["update"]].concat(),
        [&start[..], &["install", "-y", "--no-install-recommends"], &packages].concat(),
    ])
}

fn installer() -> Installer {
    if find("apt-get").is_none() {
        Installer::NoAptGet
    } else if output("id", &["-u"]).as_deref() == Some("0") {
        Installer::Root
    } else if output("sudo", &["-n", "true"]).is_some() {
        Installer::Sudo
    } else {
        Installer::NotAllowed
    }
}

/// What a program says, if it is there and succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether it worked is seen by what is missing afterwards.
fn run(command: &[&str]) {
    println!("\n==> a program is missing\n    {}", command.join(" "));
    match Command::new(command[0]).args(&command[1..]).stdin(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("{} ended with {status}", command.join(" ")),
        Err(error) => eprintln!("cannot start {}: {error}", command[0]),
    }
}

fn complaint(missing: &[&Program], reason: &str) -> String {
    let mut text =
        "the tests start real servers, count instructions and build libFuzzer, and need programs that are not on the PATH:\n".to_owned();
    for Program { name, package, tests } in missing {
        text += &format!("\n  {name}: for {tests}\n    apt-get install {package}      # Debian, Ubuntu\n");
    }
    text + &format!(
        "\nElsewhere Redis is the package `redis` (brew, dnf, pacman, apk), 7.0 or newer.\n\
         They were not installed by this command, since {reason}. No test was run."
    )
}

#[cfg(test)]
mod tests {
    use super::{Installer, PROGRAMS, Plan, Program, complaint, plan};

    const SERVER: &Program = &Program { name: "left-server", package: "left", tests: "left turns" };
    const CLIENT: &Program = &Program { name: "left-client", package: "left", tests: "left turns, too" };
    const OTHER: &Program = &Program { name: "right", package: "aright", tests: "right turns" };

    #[test]
    fn nothing_missing_needs_no_installer() {
        assert_eq!(plan(&[], || panic!("not asked when nothing is missing")), Plan::Nothing);
    }

    #[test]
    fn each_package_is_installed_once_after_one_update() {
        let apt_get = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let update = [&apt_get[..], &["update"]].concat();
        let install = [&apt_get[..], &["install", "-y", "--no-install-recommends", "aright", "left"]].concat();
        let missing = [SERVER, OTHER, CLIENT];
        assert_eq!(plan(&missing, || Installer::Root), Plan::Install(vec![update.clone(), install.clone()]));

        let sudo = |command: Vec<&'static str>| [&["sudo", "-n"], &command[..]].concat();
        assert_eq!(plan(&missing, || Installer::Sudo), Plan::Install(vec![sudo(update), sudo(install)]));
    }

    #[test]
    fn what_cannot_be_installed_is_named_with_its_tests_and_its_mend() {
        for installer in [Installer::NoAptGet, Installer::NotAllowed] {
            let Plan::GiveUp(reason) = plan(&[OTHER], || installer) else { panic!("{installer:?} installs nothing") };
            let text = complaint(&[OTHER], reason);
            for part in ["right: for right turns", "apt-get install aright", reason] {
                assert!(text.contains(part), "{part} is not in\n{text}");
            }
        }
    }

    #[test]
    fn every_program_is_named_once() {
        let mut names: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROGRAMS.len());
    }
}
