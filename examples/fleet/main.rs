//! The service of the example `atlas`, as four processes on one Redis.
//!
//! `cargo run --example fleet` starts a Redis, the four processes and a writer, and shows what the fleet does: one load
//! for all of it, an update that all of it sees, a Redis and a process that are killed under traffic. It needs
//! `redis-server` or `valkey-server`, or `-- --redis redis://…`.
//!
//! | to read | file |
//! |---|---|
//! | the one line of the cache's builder that makes it a fleet | `service.rs` |
//! | the annotated functions, which are atlas' own files | `../atlas/repository.rs`, `../atlas/writers.rs` |
//! | the processes | `service.rs`, `writer.rs`, `process.rs`, `fleet.rs`, `server.rs` |
//! | the show | `acts/`, `users.rs`, `counts.rs`, `table.rs`, `screen.rs` |

#![allow(unreachable_pub, reason = "`pub` says what a module offers to the others of this program")]

// The service, file by file as `atlas` runs it.
#[path = "../atlas/api.rs"]
mod api;
#[path = "../atlas/data.rs"]
mod data;
#[path = "../atlas/events.rs"]
mod events;
#[path = "../atlas/handlers.rs"]
mod handlers;
#[path = "../atlas/model.rs"]
mod model;
#[allow(dead_code, reason = "loads are counted by /stats here")]
#[path = "../atlas/repository.rs"]
mod repository;
#[path = "../atlas/world_map.rs"]
mod world_map;
#[path = "../atlas/writers.rs"]
mod writers;

// What its show and this one share.
#[allow(dead_code, reason = "atlas uses the rest of it")]
mod drive;
#[allow(dead_code, reason = "atlas uses the rest of it")]
#[path = "../atlas/report.rs"]
mod report;

mod acts;
mod counts;
mod fleet;
mod process;
mod screen;
mod server;
mod service;
mod table;
mod writer;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::acts::Stage;
use crate::fleet::Fleet;
use crate::report::{say, thousands};
use crate::server::Server;

/// Why the program ends early.
type Failure = Box<dyn Error + Send + Sync>;

/// Four processes of the atlas service on one Redis, and a show of what they do together.
#[derive(Parser)]
#[command(name = "fleet", args_conflicts_with_subcommands = true)]
struct Arguments {
    /// How long each of the three phases of the traffic lasts: all is well, Redis is down, Redis is back.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Use this Redis instead of starting one. It is not killed, so the traffic ends with the first phase.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Leave the fleet up after the show, until Ctrl-C, for your own requests.
    #[arg(long)]
    stay: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What this program is when it starts itself.
#[derive(Subcommand)]
enum Part {
    /// One process of the service.
    #[command(hide = true)]
    Serve {
        #[command(flatten)]
        shared: Shared,
        #[arg(long)]
        port: u16,
    },
    /// The writer.
    #[command(hide = true)]
    Write {
        #[command(flatten)]
        shared: Shared,
    },
}

/// What all processes have in common.
#[derive(Args, Clone)]
struct Shared {
    /// The file of the database.
    #[arg(long)]
    db: PathBuf,
    #[arg(long)]
    redis: String,
    #[arg(long)]
    namespace: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match &arguments.part {
        Some(Part::Serve { shared, port }) => service::serve(shared, *port).await,
        Some(Part::Write { shared }) => writer::write(shared).await,
        None if arguments.redis.is_none() && !cachemacro_servers::is_installed() => {
            eprintln!("{}", server::HOW_TO_INSTALL);
            return ExitCode::from(2);
        }
        None => tokio::select! {
            biased;
            ended = show(&arguments) => ended,
            // What was started is killed as it is dropped.
            () = process::told_to_end() => return ExitCode::from(130),
        },
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("fleet: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn show(arguments: &Arguments) -> Result<(), Failure> {
    let seconds = Duration::try_from_secs_f64(arguments.seconds).map_err(|_| "--seconds must be a time")?;
    let server = match &arguments.redis {
        Some(url) => Server::given(url).await?,
        None => Server::start(),
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("atlas.db");
    let db = data::open(&file).await?;
    let (cities, countries) = data::load(&db).await?;
    let shared = Shared { db: file, redis: server.url().to_owned(), namespace: server.namespace() };
    let fleet = Fleet::start(shared).await?;
    say!(
        "fleet: {} cities in {countries} countries (GeoNames, CC BY 4.0), served by {} processes on {server}",
        thousands(cities as u64),
        fleet.members.len(),
    );
    let mut stage = Stage { fleet, server, db, seconds };
    acts::run(&mut stage).await?;
    if arguments.stay {
        acts::stay(&stage).await;
    }
    let Stage { fleet, server, .. } = stage;
    let namespace = fleet.shared.namespace.clone();
    drop(fleet);
    server.clean(&namespace).await
}
