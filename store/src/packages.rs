//! Hosting packages.

use berth_core::id::PackageId;
use berth_core::name::PackageName;
use berth_core::package::{Features, Limits};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{from_json, micros, moment, parsed, to_json, unsigned};
use crate::{Result, StoreError, Tx};

macro_rules! package_columns {
    () => {
        "p.id, p.name, p.limits, p.features, p.created_at, p.version"
    };
}

statements! {
    INSERT => [
        "INSERT INTO packages (id, name, limits, features, created_at, version) VALUES ($1, $2, $3, $4, $5, $6)"
    ];
    BY_ID => [concat!("SELECT ", package_columns!(), " FROM packages p WHERE p.id = $1")];
    BY_NAME => [concat!("SELECT ", package_columns!(), " FROM packages p WHERE p.name = $1")];
    LIST => [concat!(
        "SELECT ", package_columns!(),
        ", (SELECT count(*) FROM accounts a WHERE a.package_id = p.id) AS accounts FROM packages p ORDER BY p.name"
    )];
    ACCOUNTS => ["SELECT count(*) FROM accounts WHERE package_id = $1"];
    UPDATE => [
        "UPDATE packages SET limits = $3, features = $4, version = version + 1 \
         WHERE id = $1 AND version = $2 RETURNING version"
    ];
    DELETE => ["DELETE FROM packages WHERE id = $1"];
}

/// A package as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRecord {
    /// The package.
    pub id: PackageId,
    /// Its name.
    pub name: PackageName,
    /// What it limits.
    pub limits: Limits,
    /// What it includes.
    pub features: Features,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Rises with every change; 1 at first.
    pub version: i64,
}

/// Stores a new package. Conflict: [`PackageName`](crate::Constraint::PackageName).
pub async fn insert(tx: &mut Tx, package: &PackageRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        package.id.0,
        package.name.as_str(),
        to_json("limits", &package.limits)?,
        to_json("features", &package.features)?,
        micros(package.created_at),
        package.version,
    )?;
    Ok(())
}

/// The package of an id.
pub async fn by_id(tx: &mut Tx, id: PackageId) -> Result<Option<PackageRecord>> {
    fetch_optional!(tx, PackageRow, BY_ID, id.0)?.map(PackageRecord::try_from).transpose()
}

/// The package of a name.
pub async fn by_name(tx: &mut Tx, name: &PackageName) -> Result<Option<PackageRecord>> {
    fetch_optional!(tx, PackageRow, BY_NAME, name.as_str())?.map(PackageRecord::try_from).transpose()
}

/// Every package by name, with how many accounts use it.
pub async fn list(tx: &mut Tx) -> Result<Vec<(PackageRecord, u64)>> {
    fetch_all!(tx, CountedRow, LIST)?
        .into_iter()
        .map(|row| Ok((row.package.try_into()?, unsigned(row.accounts))))
        .collect()
}

/// How many accounts use a package.
pub async fn accounts(tx: &mut Tx, id: PackageId) -> Result<u64> {
    fetch_value!(tx, i64, ACCOUNTS, id.0).map(unsigned)
}

/// Stores limits and features of a record that was read and changed. Gives the new version, or `None` if the
/// package has changed since `package.version`. Call [`crate::accounts::stamp_package`] as well.
pub async fn update(tx: &mut Tx, package: &PackageRecord) -> Result<Option<i64>> {
    fetch_optional_value!(
        tx,
        i64,
        UPDATE,
        package.id.0,
        package.version,
        to_json("limits", &package.limits)?,
        to_json("features", &package.features)?,
    )
}

/// Deletes a package; whether it was there. [`StoreError::Reference`] while an account uses it.
pub async fn delete(tx: &mut Tx, id: PackageId) -> Result<bool> {
    Ok(execute!(tx, DELETE, id.0)? > 0)
}

#[derive(sqlx::FromRow)]
struct PackageRow {
    id: Uuid,
    name: String,
    limits: String,
    features: String,
    created_at: i64,
    version: i64,
}

#[derive(sqlx::FromRow)]
struct CountedRow {
    #[sqlx(flatten)]
    package: PackageRow,
    accounts: i64,
}

impl TryFrom<PackageRow> for PackageRecord {
    type Error = StoreError;

    fn try_from(row: PackageRow) -> Result<Self> {
        Ok(Self {
            id: PackageId(row.id),
            name: parsed("package name", &row.name)?,
            limits: from_json("limits", &row.limits)?,
            features: from_json("features", &row.features)?,
            created_at: moment(row.created_at)?,
            version: row.version,
        })
    }
}
