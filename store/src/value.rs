//! Between columns and types.

use berth_core::Parse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, StoreError};

/// A stored text as its type.
pub(crate) fn parsed<T: Parse>(what: &'static str, text: &str) -> Result<T> {
    T::parse(text).map_err(|problem| StoreError::Corrupt { what, why: problem.to_string() })
}

/// The same for a column that may be empty.
pub(crate) fn parsed_optional<T: Parse>(what: &'static str, text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| parsed(what, text)).transpose()
}

/// A moment in whole microseconds, as the database has it.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// A stored moment.
pub(crate) fn moment(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| StoreError::Corrupt { what: "moment", why: format!("{micros} is out of range") })
}

/// A stored moment that may be missing.
pub(crate) fn moment_optional(micros: Option<i64>) -> Result<Option<DateTime<Utc>>> {
    micros.map(moment).transpose()
}

/// A stored JSON document as its type.
pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt { what, why: error.to_string() })
}

/// A value as a JSON document.
pub(crate) fn to_json<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt { what, why: error.to_string() })
}

/// A count or generation from the database, which has signed numbers only.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A count or generation for the database.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
