use std::collections::HashMap;

use berth_core::Problems;
use berth_core::command::ListUsers;
use berth_core::policy::Action;
use berth_core::role::{Actor, Role};
use berth_core::view::{Page, UserView};
use berth_store::users::Visible;
use berth_store::{accounts, users};

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::view::user_view;

/// A page of the users whom the caller may see: everybody for an admin, oneself and one's own for a reseller,
/// oneself for a user.
///
/// # Errors
/// `cursor_invalid`.
pub async fn list_users(ctx: &Ctx, command: ListUsers) -> Result<Page<UserView>, Problems> {
    authorize(ctx, Action::UserList, &Target::installation("users")).await?;
    retrying!(&ctx.app, attempt(ctx, &command))
}

async fn attempt(ctx: &Ctx, command: &ListUsers) -> Result<Page<UserView>, Failure> {
    let visible = match (ctx.actor.user_and_role(), &ctx.actor) {
        (Some((_, Role::Admin)), _) | (None, Actor::Operator | Actor::System) => Visible::All,
        (Some((user, Role::Reseller)), _) => Visible::OwnedBy(user),
        (Some((user, Role::User)), _) => Visible::Only(user),
        (None, _) => return Ok(Page { items: Vec::new(), next: None }),
    };
    let mut tx = ctx.app.store.read().await?;
    let page = users::list(&mut tx, command, visible).await?;
    let ids: Vec<_> = page.items.iter().map(|user| user.id).collect();
    let mut first_account = HashMap::new();
    for overview in accounts::of_users(&mut tx, &ids).await? {
        first_account.entry(overview.user).or_insert(overview);
    }
    let items = page
        .items
        .into_iter()
        .map(|user| {
            let account = first_account.remove(&user.id);
            user_view(user, account)
        })
        .collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}
