//! `/settings`

use berth_core::command::EditSettings;
use berth_core::settings::Installation;
use berth_core::view::SettingsView;

use super::answer::{self, Answer};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdempotencyParam};
use super::query::{DryRun, NoQuery};
use crate::app;

/// Show the settings
///
/// Without the relay's password, which nobody can see again.
#[utoipa::path(
    get, path = "/settings", tag = "Settings", operation_id = "show_settings",
    responses((status = 200, description = "Every setting", body = SettingsView)),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery) -> Answer {
    Ok(answer::read(&app::show_settings(&ctx).await?))
}

/// Change settings
///
/// Each under its dotted name; what is not said stays as it is. `mail.smtp_password` is taken as well. An empty
/// text or null clears what may be absent.
#[utoipa::path(
    patch, path = "/settings", tag = "Settings", operation_id = "edit_settings",
    params(ChangeParams, IdempotencyParam),
    request_body = Installation,
    responses((status = 200, description = "Every setting after the change", body = SettingsView)),
    extensions(("x-problems" = json!(["package_not_found", "package_name_invalid", "email_invalid"]))),
)]
pub(super) async fn edit(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    JsonFields(fields): JsonFields,
) -> Answer {
    let command = EditSettings::parse(fields)?;
    Ok(answer::changed(&app::edit_settings(&ctx, command, mode).await?))
}
