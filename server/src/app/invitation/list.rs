use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::view::InvitationView;
use berth_store::invitations;

use super::{owner, view};
use crate::app::authorize::{Target, authorize};
use crate::app::context::Ctx;
use crate::app::problem::retrying;

/// Invitations that a list shows.
const LISTED: u32 = 500;

/// Lists the newest invitations with how they stand; a reseller sees their own.
///
/// # Errors
/// `forbidden`.
pub async fn list_invitations(ctx: &Ctx) -> Result<Vec<InvitationView>, Problems> {
    authorize(ctx, Action::InvitationRead, &Target::installation("invitations")).await?;
    let all = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        Ok(invitations::list(&mut tx, owner(&ctx.actor), LISTED).await?)
    })?;
    Ok(all.into_iter().map(|invitation| view(&ctx.app, invitation)).collect())
}
