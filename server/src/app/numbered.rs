use berth_core::Problems;
use berth_core::id::UserId;
use berth_store::numbers;

use super::context::Ctx;
use super::problem::{Failure, retrying};

/// The user of a number. It says nothing about them: verbs decide who may see what.
///
/// # Errors
/// Of the database.
pub async fn user_of_number(ctx: &Ctx, number: i64) -> Result<Option<UserId>, Problems> {
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        Ok::<_, Failure>(numbers::user(&mut tx, number).await?)
    })
}

/// The number of a user.
///
/// # Errors
/// Of the database.
pub async fn number_of_user(ctx: &Ctx, user: UserId) -> Result<i64, Problems> {
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let found = numbers::of_users(&mut tx, &[user]).await?;
        Ok::<_, Failure>(found.first().map_or(0, |(_, number)| *number))
    })
}
