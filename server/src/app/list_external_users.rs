use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::{Actor, Role};
use berth_core::website::ExternalUserView;
use berth_store::external_users;
use berth_store::users::Visible;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::external_view::external_view;
use super::problem::{Failure, retrying};

/// Which users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListExternalUsers {
    /// How many come before.
    pub offset: u64,
    /// How many at most.
    pub limit: u32,
}

/// Some users by login, with their websites, and how many there are in all: for an administrator everybody,
/// for a reseller their own.
///
/// # Errors
/// `forbidden`, `unauthenticated`.
pub async fn list_external_users(
    ctx: &Ctx,
    command: ListExternalUsers,
) -> Result<(Vec<ExternalUserView>, u64), Problems> {
    authorize(ctx, Action::UserList, &Target::installation("users")).await?;
    retrying!(&ctx.app, attempt(ctx, command))
}

async fn attempt(ctx: &Ctx, command: ListExternalUsers) -> Result<(Vec<ExternalUserView>, u64), Failure> {
    let visible = match (ctx.actor.user_and_role(), &ctx.actor) {
        (Some((_, Role::Admin)), _) | (None, Actor::Operator | Actor::System) => Visible::All,
        (Some((user, Role::Reseller)), _) => Visible::OwnedBy(user),
        (Some((user, Role::User)), _) => Visible::Only(user),
        (None, _) => return Ok((Vec::new(), 0)),
    };
    let mut tx = ctx.app.store.read().await?;
    let total = external_users::count(&mut tx, visible).await?;
    let mut views = Vec::new();
    for user in external_users::page(&mut tx, visible, command.limit, command.offset).await? {
        views.extend(external_view(&ctx.app, &mut tx, user).await?);
    }
    Ok((views, total))
}
