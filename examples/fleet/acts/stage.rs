//! What every act stands on.

use std::time::Duration;

use sqlx::SqlitePool;

use crate::fleet::Fleet;
use crate::server::Server;

pub struct Stage {
    pub fleet: Fleet,
    pub server: Server,
    /// The database that all processes share.
    pub db: SqlitePool,
    /// How long a phase of the traffic lasts.
    pub seconds: Duration,
}
