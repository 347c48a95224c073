use berth_core::Problems;
use berth_core::id::UserId;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::ApiKeyView;
use berth_store::api_keys;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::api_key_view;

/// The keys of a user, of the caller if nobody is named, or of everybody if root names nobody.
///
/// # Errors
/// `user_not_found`.
pub async fn list_api_keys(ctx: &Ctx, user: Option<&UserRef>) -> Result<Vec<ApiKeyView>, Problems> {
    let named = user.cloned().or_else(|| ctx.actor.user().map(UserRef::Id));
    let of = if let Some(named) = named {
        Some(Subject::authorized(ctx, Action::ApiKeyRead, &named).await?.user.id)
    } else {
        authorize(ctx, Action::ApiKeyRead, &Target::installation("API keys")).await?;
        None
    };
    retrying!(&ctx.app, attempt(ctx, of))
}

async fn attempt(ctx: &Ctx, of: Option<UserId>) -> Result<Vec<ApiKeyView>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    Ok(api_keys::list(&mut tx, of).await?.into_iter().map(api_key_view).collect())
}
