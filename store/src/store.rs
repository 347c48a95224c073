//! Opening the database.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, PgPool, SqlitePool};

use crate::gate::{Gate, Gated, Step};
use crate::tx::{Inner, Tx};
use crate::{Result, StoreError};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections that read at the same time on SQLite, where each is a thread.
const SQLITE_READERS: u32 = 4;
/// Connections of one process on PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a transaction waits for a connection, so for the writers before it on SQLite.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long SQLite waits for another process's write lock, such as that of a second `berth`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The database. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Store {
    pools: Pools,
    gate: Gated,
}

#[derive(Debug, Clone)]
enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file, embedded.
    Sqlite,
    /// A server.
    Postgres,
}

impl Engine {
    /// The name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl Store {
    /// Opens `sqlite:///path/to/file` (created with mode 0600 if it is not there) or `postgres://…`. Call
    /// [`Store::migrate`] next.
    pub async fn open(url: &str) -> Result<Self> {
        let pools = if url.starts_with("sqlite:") {
            Self::open_sqlite(url).await?
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Self::open_postgres(url).await?
        } else {
            return Err(StoreError::UrlUnknown);
        };
        Ok(Self { pools, gate: Gated::default() })
    }

    /// Has every transaction wait at a gate before each of its steps. For tests.
    #[must_use]
    pub fn gated(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gate = Gated(Some(gate));
        self
    }

    async fn open_sqlite(url: &str) -> Result<Pools> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| StoreError::UrlInvalid)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let place = options.get_filename().display().to_string();
        create_private(options.get_filename())?;
        let open_error = |source| StoreError::Open { place: place.clone(), source };
        // One connection for all writers: they queue here, first come first served, instead of colliding on
        // the file's lock.
        let writer = PoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await
            .map_err(open_error)?;
        let readers = PoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(open_error)?;
        Ok(Pools::Sqlite { writer, readers })
    }

    async fn open_postgres(url: &str) -> Result<Pools> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::UrlInvalid)?
            .application_name("berth")
            .disable_statement_logging();
        let place = format!("{} on {}", options.get_database().unwrap_or("berth"), options.get_host());
        PoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .map(Pools::Postgres)
            .map_err(|source| StoreError::Open { place, source })
    }

    /// Brings the schema up to date, after checking that what was applied earlier is what this program
    /// would have applied: a changed, missing or unknown migration is an error.
    pub async fn migrate(&self) -> Result<()> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => SQLITE_MIGRATIONS.run(writer).await,
            Pools::Postgres(pool) => POSTGRES_MIGRATIONS.run(pool).await,
        }
        .map_err(StoreError::Migrate)
    }

    /// The number of the newest migration that this program knows.
    pub fn schema_version(&self) -> i64 {
        SQLITE_MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    /// Begins a transaction that may write. On SQLite it holds the only write lock from the start
    /// (`BEGIN IMMEDIATE`), so do slow work (hashing, waiting) before. On PostgreSQL it is an ordinary one:
    /// a failure for which [`StoreError::is_retryable`] holds is a reason to run the verb again.
    pub async fn begin(&self) -> Result<Tx> {
        self.gate.pass(Step::Begin).await?;
        let writing = self.gate.writing();
        match &self.pools {
            Pools::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await.map(Inner::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Inner::Postgres),
        }
        .map(|inner| Tx::new(inner, self.gate.clone(), Some(writing)))
        .map_err(begin_error)
    }

    /// Begins a transaction that sees one moment of the database and can't write.
    pub async fn read(&self) -> Result<Tx> {
        self.gate.pass(Step::Read).await?;
        match &self.pools {
            Pools::Sqlite { readers, .. } => readers.begin().await.map(Inner::Sqlite),
            Pools::Postgres(pool) => {
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map(Inner::Postgres)
            }
        }
        .map(|inner| Tx::new(inner, self.gate.clone(), None))
        .map_err(begin_error)
    }

    /// Whether the database answers, for readiness checks.
    pub async fn ping(&self) -> Result<()> {
        match &self.pools {
            Pools::Sqlite { readers, .. } => sqlx::query("SELECT 1").execute(readers).await.map(drop),
            Pools::Postgres(pool) => sqlx::query("SELECT 1").execute(pool).await.map(drop),
        }
        .map_err(StoreError::Unavailable)
    }

    /// Which engine it is.
    pub const fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres(_) => Engine::Postgres,
        }
    }

    /// Closes every connection, after the transactions that still run.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

fn begin_error(source: sqlx::Error) -> StoreError {
    match StoreError::of_statement("begin", source) {
        StoreError::Statement { source, .. } => StoreError::Unavailable(source),
        other => other,
    }
}

/// Creates the file for its owner only, before SQLite would create it for everybody. SQLite gives its side
/// files the mode of the main one.
fn create_private(path: &Path) -> Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|source| StoreError::Create { place: path.display().to_string(), source })
}
