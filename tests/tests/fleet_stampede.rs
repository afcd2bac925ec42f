//! Real processes on one missing key: one load for the fleet, and one more when the process that loads is killed (G4, R12).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use cachemacro_servers::{Options, Standalone};

const PROCESSES: usize = 4;
const CALLERS: u64 = 2_500;
const LOAD: Duration = Duration::from_millis(200);

struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(redis: &Standalone, loads: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fleet_process"))
            .args([&redis.url(), "stampede"])
            .arg(loads)
            .args([CALLERS.to_string(), LOAD.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the process starts");
        let output = BufReader::new(child.stdout.take().expect("piped above"));
        let mut process = Self { child, output };
        assert_eq!(process.line(), "ready");
        process
    }

    fn go(&mut self) {
        writeln!(self.child.stdin.as_mut().expect("piped above"), "go").expect("the process listens");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the process speaks text");
        line.trim().to_owned()
    }

    /// How many callers were answered.
    fn answered(&mut self) -> u64 {
        let line = self.line();
        println!("process {}: {line}", self.child.id());
        line.split_whitespace().nth(1).and_then(|count| count.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes that loaded, in order.
fn loads(file: &Path) -> Vec<u32> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| line.parse().expect("a process id")).collect()
}

fn fleet(redis: &Standalone, loads: &Path) -> Vec<Process> {
    let mut fleet: Vec<_> = (0..PROCESSES).map(|_| Process::start(redis, loads)).collect();
    fleet.iter_mut().for_each(Process::go);
    fleet
}

#[test]
fn ten_thousand_callers_in_four_processes_are_one_load() {
    let redis = Standalone::start(Options::default());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("loads");
    let mut fleet = fleet(&redis, &file);
    for process in &mut fleet {
        assert_eq!(process.answered(), CALLERS);
    }
    assert_eq!(loads(&file).len(), 1, "one load for the fleet");
}

#[test]
fn a_killed_holder_costs_one_more_load() {
    let redis = Standalone::start(Options::default());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("loads");
    let mut fleet = fleet(&redis, &file);
    let holder = loop {
        if let Some(holder) = loads(&file).first() {
            break *holder;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    std::thread::sleep(LOAD / 2);
    let killed = Instant::now();
    let dead = fleet.iter().position(|process| process.child.id() == holder).expect("one of ours");
    drop(fleet.remove(dead));
    for process in &mut fleet {
        assert_eq!(process.answered(), CALLERS);
    }
    println!("answered {} ms after the holder was killed", killed.elapsed().as_millis());
    assert_eq!(loads(&file).len(), 2, "one more load");
}
