//! `/api-keys`

use berth_core::Code;
use berth_core::command::CreateApiKey;
use berth_core::role::UserRef;
use berth_core::view::{ApiKeyView, CreatedApiKey, Page};

use super::answer::{self, Answer};
use super::bodies::CreateApiKeyBody;
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdParam, IdempotencyParam, KeyOwnerParam};
use super::path::PathParts;
use super::query::{DryRun, QueryFields};
use crate::app;

/// List API keys
///
/// Without their secrets, which nobody can see again.
#[utoipa::path(
    get, path = "/api-keys", tag = "API keys", operation_id = "list_api_keys",
    params(KeyOwnerParam),
    responses((status = 200, description = "All of them, in one page", body = Page<ApiKeyView>)),
    extensions(("x-problems" = json!(["user_not_found", "username_invalid", "username_reserved", "email_invalid"]))),
)]
pub(super) async fn list(Caller(ctx): Caller, QueryFields(mut fields): QueryFields) -> Answer {
    let user = fields.optional::<UserRef>("user");
    fields.finish().into_result()?;
    Ok(answer::listed(app::list_api_keys(&ctx, user.as_ref()).await?))
}

/// Create an API key
///
/// The secret is in this answer and nowhere else. No key can be given more than its creator has.
#[utoipa::path(
    post, path = "/api-keys", tag = "API keys", operation_id = "create_api_key",
    params(ChangeParams, IdempotencyParam),
    request_body = CreateApiKeyBody,
    responses((status = 201, description = "The new key with its secret", body = CreatedApiKey)),
    extensions(("x-problems" = json!(["user_not_found", "value_invalid"]))),
)]
pub(super) async fn create(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    JsonFields(fields): JsonFields,
) -> Answer {
    let command = CreateApiKey::parse(fields)?;
    let outcome = app::create_api_key(&ctx, command, mode).await?;
    Ok(answer::created(&outcome, |created| format!("/api/v1/api-keys/{}", created.key.id)))
}

/// Revoke an API key
///
/// It is refused from now on, and stays in the list.
#[utoipa::path(
    delete, path = "/api-keys/{id}", tag = "API keys", operation_id = "revoke_api_key",
    params(IdParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The key, revoked", body = ApiKeyView)),
    extensions(("x-problems" = json!(["api_key_not_found"]))),
)]
pub(super) async fn revoke(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let id = path.id("id", Code::ApiKeyNotFound)?;
    Ok(answer::changed(&app::revoke_api_key(&ctx, id, mode).await?))
}
