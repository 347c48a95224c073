//! Transactions.

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use crate::gate::{Gated, Step, Writing};
use crate::store::Engine;
use crate::{Result, StoreError};

/// A transaction on either engine. Dropping it without [`Tx::commit`] undoes what it wrote.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    gate: Gated,
    /// Dropped after the transaction itself.
    _writing: Option<Writing>,
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// The connection of a transaction.
pub(crate) enum Connection<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Tx {
    pub(crate) const fn new(inner: Inner, gate: Gated, writing: Option<Writing>) -> Self {
        Self { inner, gate, _writing: writing }
    }

    /// Waits until a statement may run.
    pub(crate) async fn pass(&mut self, statement: &'static str) -> Result<()> {
        self.gate.pass(Step::Statement(statement)).await
    }

    /// Keeps what was written. When it answers, the data is on disk (SQLite), or wherever the operator's
    /// `synchronous_commit` says (PostgreSQL).
    pub async fn commit(self) -> Result<()> {
        self.gate.pass(Step::Commit).await?;
        match self.inner {
            Inner::Sqlite(transaction) => transaction.commit().await,
            Inner::Postgres(transaction) => transaction.commit().await,
        }
        .map_err(|source| StoreError::of_statement("commit", source))?;
        // Too late to refuse.
        let _ = self.gate.pass(Step::Committed).await;
        Ok(())
    }

    /// Undoes what was written, now instead of when the connection is needed next.
    pub async fn rollback(self) -> Result<()> {
        match self.inner {
            Inner::Sqlite(transaction) => transaction.rollback().await,
            Inner::Postgres(transaction) => transaction.rollback().await,
        }
        .map_err(|source| StoreError::of_statement("rollback", source))
    }

    /// Which engine the transaction is on.
    pub const fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match &mut self.inner {
            Inner::Sqlite(transaction) => Connection::Sqlite(transaction),
            Inner::Postgres(transaction) => Connection::Postgres(transaction),
        }
    }
}
