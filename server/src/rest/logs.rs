//! `/users/{user}/domains/{fqdn}/logs/{kind}`

use berth_core::view::LogView;

use super::answer::{self, Answer};
use super::caller::Caller;
use super::params::{DomainParam, LogLinesParams, LogParam, UserParam};
use super::path::PathParts;
use super::query::QueryFields;
use crate::app::{self, ReadLog};

/// Read the end of a site's log
///
/// Requests (`access`), what the web server found wrong (`error`) or what PHP said (`php`), as the node has it
/// now.
#[utoipa::path(
    get, path = "/users/{user}/domains/{fqdn}/logs/{kind}", tag = "Domains", operation_id = "read_log",
    params(UserParam, DomainParam, LogParam, LogLinesParams),
    responses((status = 200, description = "The lines, oldest first", body = LogView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "domain_not_found", "not_found", "value_invalid", "node_silent"
    ]))),
)]
pub(super) async fn read(Caller(ctx): Caller, QueryFields(fields): QueryFields, path: PathParts) -> Answer {
    let command = ReadLog::parse(fields)?;
    let kind = path.log()?;
    let view = app::read_log(&ctx, &path.user()?, &path.domain()?, kind, command).await?;
    Ok(answer::read(&view))
}
