//! Statements with optional conditions, put together from literals.

use uuid::Uuid;

/// A bound value of a condition.
#[derive(Debug, Clone)]
pub(crate) enum Bound {
    Text(String),
    Id(Uuid),
    Number(i64),
}

/// Conditions of a `WHERE` clause with their values, numbered as they come.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    clauses: Vec<String>,
    pub(crate) values: Vec<Bound>,
}

impl Filter {
    /// Binds a value and gives its placeholder.
    pub(crate) fn bind(&mut self, value: Bound) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// Adds a condition; `?` in it stands for the value.
    pub(crate) fn add(&mut self, clause: &'static str, value: Bound) {
        let place = self.bind(value);
        self.clauses.push(clause.replace('?', &place));
    }

    /// Adds a condition without a value.
    pub(crate) fn always(&mut self, clause: &'static str) {
        self.clauses.push(clause.to_owned());
    }

    /// Adds a condition with two values, `?1` and `?2`.
    pub(crate) fn add_two(&mut self, clause: &'static str, first: Bound, second: Bound) {
        let (first, second) = (self.bind(first), self.bind(second));
        self.clauses.push(clause.replace("?1", &first).replace("?2", &second));
    }

    /// The `WHERE` clause, or nothing.
    pub(crate) fn clause(&self) -> String {
        if self.clauses.is_empty() { String::new() } else { format!(" WHERE {}", self.clauses.join(" AND ")) }
    }
}

/// Every row of a statement whose values come from a [`Filter`].
macro_rules! fetch_filtered {
    ($tx:expr, $row:ty, $name:expr, $sql:expr, $values:expr) => {{
        let sql: String = $sql;
        macro_rules! run {
            ($connection:ident) => {{
                let mut query = sqlx::query_as::<_, $row>(sqlx::AssertSqlSafe(sql));
                for value in $values {
                    query = match value {
                        $crate::filter::Bound::Text(text) => query.bind(text),
                        $crate::filter::Bound::Id(id) => query.bind(id),
                        $crate::filter::Bound::Number(number) => query.bind(number),
                    };
                }
                query.fetch_all($connection).await
            }};
        }
        match $tx.pass($name).await {
            Err(refused) => Err(refused),
            Ok(()) => match $tx.connection() {
                $crate::tx::Connection::Sqlite(connection) => run!(connection),
                $crate::tx::Connection::Postgres(connection) => run!(connection),
            }
            .map_err(|source| $crate::StoreError::of_statement($name, source)),
        }
    }};
}
pub(crate) use fetch_filtered;
