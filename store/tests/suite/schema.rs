//! Both engines have the same schema, and every statement fits it.

use std::collections::BTreeMap;

use berth_core::account::UID_RANGE;
use berth_store::Constraint;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection};

use crate::db::Db;

both_engines! {
    async fn every_statement_can_be_prepared(db) {
        let statements = berth_store::statements();
        assert!(statements.len() > 250, "only {} statements are known", statements.len());
        if db.is_sqlite() {
            let mut connection = SqliteConnection::connect(&db.url).await.unwrap();
            for statement in statements {
                prepared(statement.name, connection.prepare(text(statement.sqlite)).await);
            }
        } else {
            let mut connection = PgConnection::connect(&db.url).await.unwrap();
            for statement in statements {
                prepared(statement.name, connection.prepare(text(statement.postgres)).await);
            }
        }
    }

    async fn a_backup_knows_every_column(db) {
        let schema: BTreeMap<String, Vec<String>> = columns(db).await.into_iter()
            .map(|(table, columns)| {
                let mut names: Vec<String> = columns.into_iter().map(|(name, ..)| name).collect();
                names.retain(|name| name != "row");
                (table, names)
            })
            .collect();
        let backup: BTreeMap<String, Vec<String>> = berth_store::backup::columns().into_iter()
            .map(|(table, columns)| {
                let mut names: Vec<String> = columns.into_iter().map(str::to_owned).collect();
                names.sort();
                (table.to_owned(), names)
            })
            .collect();
        assert_eq!(schema, backup);
    }

    async fn numeric_ids_begin_at_the_start_of_the_range(db) {
        let mut tx = db.store.begin().await.unwrap();
        let uid = berth_store::accounts::allocate_uid(&mut tx).await.unwrap();
        assert_eq!(uid.get(), *UID_RANGE.start());
    }

    async fn every_constraint_is_in_the_schema(db) {
        let names: Vec<String> = if db.is_sqlite() {
            // SQLite names indexes, not constraints; those stand in the text of the table.
            db.ask::<(String,)>("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").await
        } else {
            db.ask::<(String,)>("SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public'").await
        }.into_iter().map(|(text,)| text).collect();
        for constraint in Constraint::ALL {
            let name = constraint.name();
            let primary_key_of_sqlite = db.is_sqlite() && name.ends_with("_pkey");
            assert!(
                primary_key_of_sqlite || names.iter().any(|text| text.contains(name)),
                "{name} is not in the schema"
            );
        }
    }
}

fn text(sql: std::borrow::Cow<'static, str>) -> sqlx::SqlStr {
    AssertSqlSafe(sql.into_owned()).into_sql_str()
}

fn prepared<T>(name: &str, outcome: Result<T, sqlx::Error>) {
    if let Err(error) = outcome {
        panic!("{name}: {error}");
    }
}

/// Column names, kinds and whether null is allowed, of both engines side by side.
#[tokio::test]
async fn both_engines_have_the_same_columns() {
    let sqlite = Db::sqlite().await;
    let of_sqlite = columns(&sqlite).await;
    assert_eq!(of_sqlite.len(), berth_store::backup::columns().len());
    if let Some(postgres) = Db::postgres().await {
        assert_eq!(of_sqlite, columns(&postgres).await);
        postgres.finish().await;
    }
    sqlite.finish().await;
}

/// Table → (column, kind, whether null is allowed), sorted.
async fn columns(db: &Db) -> BTreeMap<String, Vec<(String, String, String)>> {
    let rows: Vec<(String, String, String, String)> = if db.is_sqlite() {
        db.ask(
            "SELECT t.name, c.name, c.type, CASE WHEN c.\"notnull\" OR c.pk THEN 'NO' ELSE 'YES' END \
             FROM sqlite_master t JOIN pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '%migrations' \
             AND t.name NOT LIKE 'user_search_index%'",
        )
        .await
    } else {
        db.ask(
            "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text \
             FROM information_schema.columns WHERE table_schema = 'public' \
             AND table_name NOT LIKE '%migrations'",
        )
        .await
    };
    let switches = [
        "sftp_enabled",
        "is_primary",
        "is_alias",
        "failed",
        "forced",
        "enabled",
        "truncated",
        "created_here",
        "forgotten",
    ];
    let mut found: BTreeMap<String, Vec<(String, String, String)>> = BTreeMap::new();
    for (table, column, kind, nullable) in rows {
        let kind = match kind.as_str() {
            "INTEGER" if switches.contains(&column.as_str()) => "switch",
            "INTEGER" | "bigint" => "number",
            "boolean" => "switch",
            "BLOB" | "uuid" => "id",
            "TEXT" | "text" => "text",
            other => panic!("{table}.{column} is of the kind {other}"),
        };
        found.entry(table).or_default().push((column, kind.to_owned(), nullable));
    }
    for columns in found.values_mut() {
        columns.sort();
    }
    found
}
