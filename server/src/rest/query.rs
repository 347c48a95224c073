//! Reading the query of an address into [`Fields`], so that a misspelt parameter is reported.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use berth_core::mode::Mode;
use berth_core::{Code, Fields, Problem};
use serde_json::{Map, Value};

use super::problem::Refusal;

/// The parameters of the query, each at most once.
pub(crate) struct QueryFields(pub(crate) Fields);

impl<S: Send + Sync> FromRequestParts<S> for QueryFields {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::new(Code::BodyMalformed, "the query of the address can't be read"))?;
        let mut map = Map::new();
        for (name, value) in pairs.0 {
            if map.contains_key(&name) {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(Problem::new(Code::ValueInvalid, "the parameter is there twice")
                    .at(shown)
                    .into());
            }
            map.insert(name, Value::String(value));
        }
        Ok(Self(Fields::new(map)))
    }
}

/// How far a change goes: the parameter `dry_run`, which every changing operation takes, and no other.
pub(crate) struct DryRun(pub(crate) Mode);

impl<S: Send + Sync> FromRequestParts<S> for DryRun {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let QueryFields(mut fields) = QueryFields::from_request_parts(parts, state).await?;
        let mode = fields.optional::<Mode>("dry_run");
        fields.finish().into_result()?;
        Ok(Self(mode.unwrap_or_default()))
    }
}

/// Refuses a query where none is taken.
pub(crate) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let QueryFields(fields) = QueryFields::from_request_parts(parts, state).await?;
        fields.finish().into_result()?;
        Ok(Self)
    }
}

/// A whole number within bounds, written in the query.
pub(crate) fn number(fields: &mut Fields, name: &str, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let text = fields.text(name)?;
    let parsed = text.parse::<u64>().ok().filter(|number| bounds.contains(number)).ok_or_else(|| {
        Problem::new(
            Code::ValueInvalid,
            format!("use a whole number from {} to {}", bounds.start(), bounds.end()),
        )
    });
    fields.keep(name, parsed)
}
