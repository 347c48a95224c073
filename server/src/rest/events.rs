//! `/events`

use berth_core::view::{EventView, Page};

use super::answer::{self, Answer};
use super::caller::Caller;
use super::params::{EventFilterParams, PageParams};
use super::query::QueryFields;
use crate::app::{self, ListEvents};

/// List events
///
/// What has happened, newest first, page by page: one event for each verb that has changed something, and one for
/// each condition that a node has reported to have changed. Events are kept for 90 days.
#[utoipa::path(
    get, path = "/events", tag = "Events", operation_id = "list_events",
    params(EventFilterParams, PageParams),
    responses((status = 200, description = "One page of events", body = Page<EventView>)),
    extensions(("x-problems" = json!([
        "value_invalid", "user_not_found", "username_invalid", "username_reserved", "email_invalid",
        "cursor_invalid"
    ]))),
)]
pub(super) async fn list(Caller(ctx): Caller, QueryFields(fields): QueryFields) -> Answer {
    let command = ListEvents::parse(fields)?;
    Ok(answer::read(&app::list_events(&ctx, command).await?))
}
