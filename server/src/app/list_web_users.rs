use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::view::WebUserView;
use berth_store::web_users;

use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::site::{Site, SiteRef, WebUserRef, of_web_user};
use super::web_user_parts::web_user_view;

/// The web users of a site, the oldest first.
///
/// # Errors
/// `domain_not_found`.
pub async fn list_web_users(ctx: &Ctx, site: &SiteRef) -> Result<Vec<WebUserView>, Problems> {
    let site = Site::authorized(ctx, Action::WebUserRead, site).await?;
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let scripts = web_users::scripts(&mut tx, site.domain.id).await?;
        let found = web_users::of_domain(&mut tx, site.domain.id).await?;
        Ok::<_, Failure>(found.iter().map(|user| web_user_view(user, &site, scripts)).collect())
    })
}

/// One web user.
///
/// # Errors
/// `web_user_not_found`.
pub async fn show_web_user(ctx: &Ctx, user: &WebUserRef) -> Result<WebUserView, Problems> {
    let (site, record) = of_web_user(ctx, Action::WebUserRead, user).await?;
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let scripts = web_users::scripts(&mut tx, site.domain.id).await?;
        Ok::<_, Failure>(web_user_view(&record, &site, scripts))
    })
}
