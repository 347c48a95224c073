//! `/users/{user}/ssh-keys`

use berth_core::command::AddSshKey;
use berth_core::view::{Page, SshKeyView};

use super::answer::{self, Answer};
use super::bodies::AddSshKeyBody;
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdempotencyParam, SshKeyParam, UserParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// List the keys that open a user's file transfer
#[utoipa::path(
    get, path = "/users/{user}/ssh-keys", tag = "SSH keys", operation_id = "list_ssh_keys",
    params(UserParam),
    responses((status = 200, description = "All of them, in one page", body = Page<SshKeyView>)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing"]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::listed(app::list_ssh_keys(&ctx, &path.user()?).await?))
}

/// Add a key
#[utoipa::path(
    post, path = "/users/{user}/ssh-keys", tag = "SSH keys", operation_id = "add_ssh_key",
    params(UserParam, ChangeParams, IdempotencyParam),
    request_body = AddSshKeyBody,
    responses((status = 201, description = "The new key", body = SshKeyView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "ssh_key_invalid", "ssh_key_taken"
    ]))),
)]
pub(super) async fn add(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let command = AddSshKey::parse(fields)?;
    let outcome = app::add_ssh_key(&ctx, &user, command, mode).await?;
    Ok(answer::created(&outcome, |key| format!("/api/v1/users/{user}/ssh-keys/{}", key.id)))
}

/// Remove a key
///
/// Sessions that it has opened end.
#[utoipa::path(
    delete, path = "/users/{user}/ssh-keys/{key}", tag = "SSH keys", operation_id = "remove_ssh_key",
    params(UserParam, SshKeyParam, ChangeParams, IdempotencyParam),
    responses((status = 204, description = "It is removed")),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "ssh_key_not_found"]))),
)]
pub(super) async fn remove(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let user = path.user()?;
    Ok(answer::removed(&app::remove_ssh_key(&ctx, &user, path.text("key")?, mode).await?))
}
