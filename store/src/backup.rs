//! Backups: every row as a line of JSON, read at one moment, restored onto either engine.
//!
//! The first line says which schema it is, the last one how many rows came before it, so that a file that was
//! cut short is noticed. Derived tables (the search index) are rebuilt by the database as rows come in.

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Row};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

use crate::tx::Connection;
use crate::{Result, Statement, Store, StoreError, Tx};

/// Version of the format itself.
const FORMAT: u32 = 1;

/// What a column holds. Every one may be null here; the schema says which may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Text,
    Number,
    Switch,
}

/// A table with its columns.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
}

macro_rules! tables {
    ($($table:ident { $($column:ident: $kind:ident),+ $(,)? })+) => {
        &[$(Table { name: stringify!($table), columns: &[$((stringify!($column), Kind::$kind)),+] },)+]
    };
}

/// Every table, what is referred to before what refers to it. A test compares it with the schema.
const TABLES: &[Table] = tables! {
    users {
        id: Id, login: Text, email: Text, email_key: Text, sort_key: Text, display_name: Text, role: Text,
        phone: Text, address: Text, timezone: Text, language: Text, owner_id: Id, password_hash: Text,
        password_set_at: Number, created_at: Number, version: Number, deleted_at: Number,
        purge_at: Number, purging_at: Number,
    }
    suspensions {
        user_id: Id, reason: Text, level: Text, set_by: Text, since: Number, until: Number, message: Text,
    }
    purged_accounts {
        account_id: Id, user_id: Id, username: Text, uid: Number, node: Text, purged_at: Number, looked: Text,
    }
    packages { id: Id, name: Text, limits: Text, features: Text, created_at: Number, version: Number }
    nodes {
        id: Id, name: Text, generation: Number, created_at: Number, seen_at: Number, agent_version: Text,
        audit_requested: Number, audit_done: Number, problems: Text,
    }
    accounts {
        id: Id, kind: Text, username: Text, uid: Number, node_id: Id, package_id: Id, sftp_enabled: Switch,
        generation: Number, observed_generation: Number, created_at: Number,
    }
    id_allocation { kind: Text, next: Number }
    memberships { user_id: Id, account_id: Id, role: Text, created_at: Number }
    domains {
        id: Id, account_id: Id, fqdn: Text, docroot: Text, state: Text, is_primary: Switch, created_at: Number,
        https_redirect: Text, hsts: Number,
    }
    user_numbers { number: Number, user_id: Id }
    domain_numbers { number: Number, domain_id: Id }
    web_users {
        number: Number, domain_id: Id, login: Text, login_key: Text, uid: Number, password_hash: Text,
        quota: Number, services: Text, created_at: Number,
    }
    web_scripts_off { domain_id: Id }
    plesk_keys {
        id: Id, user_id: Id, secret_sha256: Text, address: Text, description: Text, created_at: Number,
    }
    domain_proofs {
        domain_id: Id, token: Text, created_at: Number, attempts: Number, checked_at: Number, due_at: Number,
        problem: Text,
    }
    acme_accounts { directory: Text, credentials: Text, thumbprint: Text, created_at: Number }
    certificates {
        domain_id: Id, fingerprint: Text, names: Text, issuer: Text, chain: Text, private_key: Text,
        not_before: Number, not_after: Number, due_at: Number, forced: Switch, attempts: Number,
        attempted_at: Number, problems: Text,
    }
    certificate_orders { id: Id, registrable: Text, names: Text, ordered_at: Number }
    host_names { name: Text, domain_id: Id, path: Text, is_alias: Switch }
    registrable_names { name: Text }
    ssh_keys { id: Id, account_id: Id, fingerprint: Text, public_key: Text, created_at: Number }
    external_users {
        user_id: Id, email: Text, locale: Text, package: Text, created_here: Switch, forgotten: Switch,
    }
    websites { id: Id, user_id: Id, position: Number, label: Text, document: Text, created_at: Number }
    pinned_host_keys { server: Text, fingerprint: Text, created_at: Number }
    egress_rules {
        id: Id, account_id: Id, network: Text, port: Text, protocol: Text, note: Text, created_at: Number,
    }
    timers {
        id: Id, account_id: Id, name: Text, schedule: Text, command: Text, mail_on_failure: Text,
        enabled: Switch, timeout_s: Number, run_wanted_at: Number,
        failure_mailed_at: Number, created_at: Number,
    }
    timer_runs {
        timer_id: Id, started_at: Number, ended_at: Number, outcome: Text, truncated: Switch, output: Text,
    }
    account_conditions {
        account_id: Id, generation: Number, reported_at: Number, failed: Switch, conditions: Text,
    }
    node_names { node_id: Id, kind: Text, name: Text }
    quarantines {
        id: Id, node_id: Id, username: Text, created_at: Number, done_at: Number, moved_to: Text, problem: Text,
    }
    drift {
        id: Id, node_id: Id, account_id: Id, resource: Text, object: Text, found: Text, made: Text,
        seen_at: Number, right_at: Number, cause: Text, evidence: Text, state: Text, decided_at: Number,
        decided_by: Text,
    }
    inquiries {
        id: Id, node_id: Id, question: Text, asked_at: Number, given_at: Number, answer: Text,
    }
    events {
        id: Id, at: Number, kind: Text, subject: Text, user_id: Id, actor: Text, request: Text, detail: Text,
    }
    webhooks {
        id: Id, url: Text, patterns: Text, note: Text, secret: Text, created_at: Number, failures: Number,
        rests_until: Number,
    }
    webhook_deliveries {
        id: Id, webhook_id: Id, event_id: Id, state: Text, attempts: Number, created_at: Number, since: Number,
        due_at: Number, tried_at: Number, status: Number, problem: Text,
    }
    audit_log {
        sequence: Number, at: Number, actor: Text, actor_label: Text, action: Text, subject: Text,
        user_id: Id, outcome: Text, request: Text, detail: Text, hash: Text,
    }
    audit_head { id: Number, sequence: Number, hash: Text }
    outbox {
        id: Id, topic: Text, payload: Text, created_at: Number, due_at: Number, attempts: Number,
        last_error: Text,
    }
    api_keys {
        id: Id, user_id: Id, label: Text, secret_sha256: Text, scopes: Text, created_at: Number,
        expires_at: Number, used_at: Number, revoked_at: Number,
    }
    settings { key: Text, value: Text }
    impersonations {
        id: Id, admin_id: Id, user_id: Id, reason: Text, created_at: Number, expires_at: Number,
        ended_at: Number,
    }
    sessions {
        id: Id, token_sha256: Text, user_id: Id, state: Text, agent: Text, address: Text, created_at: Number,
        used_at: Number, confirmed_at: Number, expires_at: Number, impersonation_id: Id,
    }
    login_history { id: Id, user_id: Id, at: Number, outcome: Text, address: Text, agent: Text }
    throttles { subject: Text, attempts: Number, last_at: Number, blocked_until: Number }
    second_factors {
        user_id: Id, required_at: Number, secret: Text, confirmed_at: Number, last_step: Number,
    }
    recovery_codes { user_id: Id, code_sha256: Text, created_at: Number }
    links { id: Id, kind: Text, user_id: Id, token_sha256: Text, created_at: Number, expires_at: Number }
    email_changes {
        user_id: Id, email: Text, created_at: Number, expires_at: Number, old_confirmed_at: Number,
        new_confirmed_at: Number,
    }
    invitations {
        id: Id, origin: Text, email: Text, email_key: Text, role: Text, package: Text, language: Text,
        owner_id: Id, invited_by: Text, token_sha256: Text, generation: Number, created_at: Number,
        expires_at: Number, approved_at: Number, accepted_at: Number, revoked_at: Number, user_id: Id,
    }
    mails {
        id: Id, kind: Text, user_id: Id, invitation_id: Id, address: Text, language: Text, detail: Text,
        state: Text, problem: Text, created_at: Number, done_at: Number,
    }
    idempotency_keys { actor: Text, key: Text, request_hash: Text, response: Text, created_at: Number }
    recent_commands { actor: Text, fingerprint: Text, user_id: Id, created_at: Number }
    user_search { user_id: Id, text: Text }
};

/// Tables that a fresh schema already has a row in.
const SEEDED: &[&str] = &["id_allocation", "audit_head"];

/// How much a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Rows of all tables.
    pub rows: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Berth { format: u32, schema: i64 },
    Row { table: String, values: Map<String, Value> },
    End { rows: u64 },
}

/// Writes the whole database as it is at one moment. It goes on being used meanwhile.
pub async fn export<W: AsyncWrite + Unpin + Send>(store: &Store, mut writer: W) -> Result<Summary> {
    let mut tx = store.read().await?;
    write(&mut writer, &Line::Berth { format: FORMAT, schema: store.schema_version() }).await?;
    let mut rows = 0;
    for table in TABLES {
        rows += export_table(&mut tx, table, &mut writer).await?;
    }
    write(&mut writer, &Line::End { rows }).await?;
    writer.flush().await.map_err(|source| failed("write the backup", source))?;
    Ok(Summary { rows })
}

/// Fills an empty, migrated database from what [`export`] wrote, in one transaction.
pub async fn import<R: AsyncBufRead + Unpin + Send>(store: &Store, reader: R) -> Result<Summary> {
    let mut lines = reader.lines();
    match read(&mut lines).await? {
        Some(Line::Berth { format: FORMAT, schema }) if schema == store.schema_version() => {}
        Some(Line::Berth { format, schema }) => {
            return Err(refused(format!(
                "the backup has format {format} and schema {schema}, this program has {FORMAT} and {}: restore \
                 it with the version of Berth that made it, then upgrade",
                store.schema_version()
            )));
        }
        _ => return Err(refused("this is not a backup of Berth".to_owned())),
    }
    let mut tx = store.begin().await?;
    prepare(&mut tx).await?;
    let mut rows = 0;
    loop {
        match read(&mut lines).await? {
            Some(Line::Row { table, values }) => {
                let table = TABLES
                    .iter()
                    .find(|known| known.name == table)
                    .ok_or_else(|| refused(format!("the backup has an unknown table `{table}`")))?;
                insert(&mut tx, table, values).await?;
                rows += 1;
            }
            Some(Line::End { rows: expected }) if expected == rows => break,
            Some(Line::End { rows: expected }) => {
                return Err(refused(format!("the backup should have {expected} rows and has {rows}")));
            }
            Some(Line::Berth { .. }) => return Err(refused("the backup begins twice".to_owned())),
            None => return Err(refused("the backup ends too early".to_owned())),
        }
    }
    tx.commit().await?;
    Ok(Summary { rows })
}

/// Makes sure that nothing is overwritten, and that rows may refer to rows that come later.
async fn prepare(tx: &mut Tx) -> Result<()> {
    for table in TABLES {
        if SEEDED.contains(&table.name) {
            execute!(tx, statement("backup::import", clear_sql(table)))?;
        } else if fetch_value!(tx, i64, statement("backup::import", count_sql(table)))? > 0 {
            return Err(refused(format!("the database is not empty: `{}` holds rows", table.name)));
        }
    }
    execute!(
        tx,
        Statement {
            name: "backup::import",
            sqlite: "PRAGMA defer_foreign_keys = ON".into(),
            postgres: "SET CONSTRAINTS ALL DEFERRED".into(),
        }
    )?;
    Ok(())
}

async fn export_table<W: AsyncWrite + Unpin + Send>(
    tx: &mut Tx,
    table: &Table,
    writer: &mut W,
) -> Result<u64> {
    let sql = AssertSqlSafe(select_sql(table));
    let mut count = 0;
    macro_rules! copy {
        ($connection:ident) => {{
            let mut rows = sqlx::query(sql).fetch($connection);
            while let Some(row) = rows.try_next().await.map_err(statement_failed)? {
                let mut values = Map::new();
                for (index, (name, kind)) in table.columns.iter().enumerate() {
                    let value = match kind {
                        Kind::Id => row
                            .try_get::<Option<Uuid>, _>(index)
                            .map(|id| id.map_or(Value::Null, |id| id.to_string().into())),
                        Kind::Text => row.try_get::<Option<String>, _>(index).map(Value::from),
                        Kind::Number => row.try_get::<Option<i64>, _>(index).map(Value::from),
                        Kind::Switch => row.try_get::<Option<bool>, _>(index).map(Value::from),
                    };
                    values.insert((*name).to_owned(), value.map_err(statement_failed)?);
                }
                write(writer, &Line::Row { table: table.name.to_owned(), values }).await?;
                count += 1;
            }
        }};
    }
    match tx.connection() {
        Connection::Sqlite(connection) => copy!(connection),
        Connection::Postgres(connection) => copy!(connection),
    }
    Ok(count)
}

async fn insert(tx: &mut Tx, table: &Table, mut values: Map<String, Value>) -> Result<()> {
    let mut cells = Vec::with_capacity(table.columns.len());
    for (name, kind) in table.columns {
        let value = values
            .remove(*name)
            .ok_or_else(|| refused(format!("a row of `{}` lacks `{name}`", table.name)))?;
        cells.push(cell(table, name, *kind, value)?);
    }
    if let Some(name) = values.keys().next() {
        return Err(refused(format!("a row of `{}` has an unknown column `{name}`", table.name)));
    }
    let sql = AssertSqlSafe(insert_sql(table));
    macro_rules! run {
        ($connection:ident) => {{
            let mut query = sqlx::query(sql);
            for cell in cells {
                query = match cell {
                    Cell::Id(id) => query.bind(id),
                    Cell::Text(text) => query.bind(text),
                    Cell::Number(number) => query.bind(number),
                    Cell::Switch(switch) => query.bind(switch),
                };
            }
            query.execute($connection).await.map(drop)
        }};
    }
    match tx.connection() {
        Connection::Sqlite(connection) => run!(connection),
        Connection::Postgres(connection) => run!(connection),
    }
    .map_err(|source| StoreError::Backup {
        what: format!("a row of `{}` does not fit the rows before it", table.name),
        source: Some(Box::new(source)),
    })
}

enum Cell {
    Id(Option<Uuid>),
    Text(Option<String>),
    Number(Option<i64>),
    Switch(Option<bool>),
}

fn cell(table: &Table, name: &str, kind: Kind, value: Value) -> Result<Cell> {
    let read = match (kind, value) {
        (Kind::Id, Value::Null) => Some(Cell::Id(None)),
        (Kind::Id, Value::String(text)) => text.parse().ok().map(|id| Cell::Id(Some(id))),
        (Kind::Text, Value::Null) => Some(Cell::Text(None)),
        (Kind::Text, Value::String(text)) => Some(Cell::Text(Some(text))),
        (Kind::Number, Value::Null) => Some(Cell::Number(None)),
        (Kind::Number, Value::Number(number)) => number.as_i64().map(|number| Cell::Number(Some(number))),
        (Kind::Switch, Value::Null) => Some(Cell::Switch(None)),
        (Kind::Switch, Value::Bool(switch)) => Some(Cell::Switch(Some(switch))),
        _ => None,
    };
    read.ok_or_else(|| refused(format!("a row of `{}` has an unreadable `{name}`", table.name)))
}

async fn write<W: AsyncWrite + Unpin>(writer: &mut W, line: &Line) -> Result<()> {
    let mut text = serde_json::to_string(line).map_err(|source| failed("write the backup", source))?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await.map_err(|source| failed("write the backup", source))
}

async fn read<R: AsyncBufRead + Unpin>(lines: &mut tokio::io::Lines<R>) -> Result<Option<Line>> {
    let Some(line) = lines.next_line().await.map_err(|source| failed("read the backup", source))? else {
        return Ok(None);
    };
    // The parser's message could repeat a value; its place in the file is enough.
    serde_json::from_str(&line)
        .map(Some)
        .map_err(|error| refused(format!("a line of the backup can't be read (column {})", error.column())))
}

fn failed(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Backup { what: what.to_owned(), source: Some(Box::new(source)) }
}

fn refused(what: String) -> StoreError {
    StoreError::Backup { what, source: None }
}

fn statement_failed(source: sqlx::Error) -> StoreError {
    StoreError::of_statement("backup::export", source)
}

/// Column names of a table, quoted because one of them is a word of SQL.
fn column_list(table: &Table) -> String {
    table.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn select_sql(table: &Table) -> String {
    format!("SELECT {} FROM {}", column_list(table), table.name)
}

fn insert_sql(table: &Table) -> String {
    let places: Vec<String> = (1..=table.columns.len()).map(|place| format!("${place}")).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", table.name, column_list(table), places.join(", "))
}

fn count_sql(table: &Table) -> String {
    format!("SELECT count(*) FROM {}", table.name)
}

fn clear_sql(table: &Table) -> String {
    format!("DELETE FROM {}", table.name)
}

fn statement(name: &'static str, sql: String) -> Statement {
    Statement { name, sqlite: sql.clone().into(), postgres: sql.into() }
}

/// Every statement that a backup runs, but for the one that defers references, which can't be prepared.
pub(crate) fn every_statement() -> Vec<Statement> {
    TABLES
        .iter()
        .flat_map(|table| [select_sql(table), insert_sql(table), count_sql(table), clear_sql(table)])
        .map(|sql| statement("backup", sql))
        .collect()
}

/// Every table and column that a backup holds, for the test that compares them with the schema.
pub fn columns() -> Vec<(&'static str, Vec<&'static str>)> {
    TABLES.iter().map(|table| (table.name, table.columns.iter().map(|(name, _)| *name).collect())).collect()
}
