//! The installation's settings: a JSON document for each key.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::{from_json, to_json};
use crate::{Result, Tx};

statements! {
    GET => ["SELECT value FROM settings WHERE key = $1"];
    ALL => ["SELECT key, value FROM settings ORDER BY key"];
    SET => [
        "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    ];
    DELETE => ["DELETE FROM settings WHERE key = $1"];
}

/// A setting, if it has been set.
pub async fn get<T: DeserializeOwned>(tx: &mut Tx, key: &str) -> Result<Option<T>> {
    fetch_optional_value!(tx, String, GET, key)?.map(|text| from_json("setting", &text)).transpose()
}

/// Every setting that has been set, by key.
pub async fn all(tx: &mut Tx) -> Result<Vec<(String, serde_json::Value)>> {
    fetch_all!(tx, (String, String), ALL)?
        .into_iter()
        .map(|(key, text)| Ok((key, from_json("setting", &text)?)))
        .collect()
}

/// Sets a setting.
pub async fn set<T: Serialize + Sync>(tx: &mut Tx, key: &str, value: &T) -> Result<()> {
    execute!(tx, SET, key, to_json("setting", value)?)?;
    Ok(())
}

/// Goes back to a setting's default; whether it had been set.
pub async fn unset(tx: &mut Tx, key: &str) -> Result<bool> {
    Ok(execute!(tx, DELETE, key)? > 0)
}
