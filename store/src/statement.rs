//! Statements, and the macros that run one of them on whichever engine a transaction is on.

use std::borrow::Cow;

/// An SQL statement with its name, for both engines.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Where it stands, for errors.
    pub name: &'static str,
    /// What SQLite gets.
    pub sqlite: Cow<'static, str>,
    /// What PostgreSQL gets.
    pub postgres: Cow<'static, str>,
}

/// Declares statements: `NAME => ["for both"];` or `NAME => ["for SQLite", "for PostgreSQL"];`.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident => [$sqlite:expr $(, $postgres:expr)? $(,)?];)+) => {
        $(
            $(#[$doc])*
            const $name: $crate::Statement = $crate::Statement {
                name: concat!(module_path!(), "::", stringify!($name)),
                sqlite: std::borrow::Cow::Borrowed($sqlite),
                postgres: std::borrow::Cow::Borrowed(statements!(@last $sqlite $(, $postgres)?)),
            };
        )+

        /// Every statement of this module.
        pub(crate) const STATEMENTS: &[$crate::Statement] = &[$($name,)+];
    };
    (@last $only:expr) => { $only };
    (@last $first:expr, $last:expr) => { $last };
}

/// Runs one call of an sqlx query on the engine of a transaction. The text comes from this crate alone: a
/// [`Statement`] is either a literal or put together from literals.
macro_rules! on_engine {
    ($tx:expr, $statement:expr, [$($arg:expr),* $(,)?], $query:expr, $call:ident) => {{
        let statement: $crate::Statement = $statement;
        let name = statement.name;
        match $tx.pass(name).await {
            Err(refused) => Err(refused),
            Ok(()) => match $tx.connection() {
                $crate::tx::Connection::Sqlite(connection) => {
                    $query(sqlx::AssertSqlSafe(statement.sqlite))$(.bind($arg))*.$call(connection).await
                }
                $crate::tx::Connection::Postgres(connection) => {
                    $query(sqlx::AssertSqlSafe(statement.postgres))$(.bind($arg))*.$call(connection).await
                }
            }
            .map_err(|source| $crate::StoreError::of_statement(name, source)),
        }
    }};
}

/// Runs a statement that answers nothing; gives the number of rows that it touched.
macro_rules! execute {
    ($tx:expr, $statement:expr $(, $arg:expr)* $(,)?) => {{
        let statement: $crate::Statement = $statement;
        let name = statement.name;
        match $tx.pass(name).await {
            Err(refused) => Err(refused),
            Ok(()) => match $tx.connection() {
                $crate::tx::Connection::Sqlite(connection) => {
                    sqlx::query(sqlx::AssertSqlSafe(statement.sqlite))$(.bind($arg))*.execute(connection).await
                        .map(|done| done.rows_affected())
                }
                $crate::tx::Connection::Postgres(connection) => {
                    sqlx::query(sqlx::AssertSqlSafe(statement.postgres))$(.bind($arg))*.execute(connection).await
                        .map(|done| done.rows_affected())
                }
            }
            .map_err(|source| $crate::StoreError::of_statement(name, source)),
        }
    }};
}

/// Every row of a statement.
macro_rules! fetch_all {
    ($tx:expr, $row:ty, $statement:expr $(, $arg:expr)* $(,)?) => {
        on_engine!($tx, $statement, [$($arg),*], sqlx::query_as::<_, $row>, fetch_all)
    };
}

/// The only row of a statement, if there is one.
macro_rules! fetch_optional {
    ($tx:expr, $row:ty, $statement:expr $(, $arg:expr)* $(,)?) => {
        on_engine!($tx, $statement, [$($arg),*], sqlx::query_as::<_, $row>, fetch_optional)
    };
}

/// The first column of the only row of a statement that always has one.
macro_rules! fetch_value {
    ($tx:expr, $value:ty, $statement:expr $(, $arg:expr)* $(,)?) => {
        on_engine!($tx, $statement, [$($arg),*], sqlx::query_scalar::<_, $value>, fetch_one)
    };
}

/// The first column of the only row of a statement, if there is one.
macro_rules! fetch_optional_value {
    ($tx:expr, $value:ty, $statement:expr $(, $arg:expr)* $(,)?) => {
        on_engine!($tx, $statement, [$($arg),*], sqlx::query_scalar::<_, $value>, fetch_optional)
    };
}
