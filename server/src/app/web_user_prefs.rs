use berth_core::Problems;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, WebUserPrefsView};
use berth_store::{accounts, web_users};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::site::{Site, SiteRef};

/// What the web users of a site may do.
///
/// # Errors
/// `domain_not_found`.
pub async fn show_web_user_prefs(ctx: &Ctx, site: &SiteRef) -> Result<WebUserPrefsView, Problems> {
    let site = Site::authorized(ctx, Action::WebUserRead, site).await?;
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let scripts = web_users::scripts(&mut tx, site.domain.id).await?;
        Ok::<_, Failure>(WebUserPrefsView { site: site.number, scripts })
    })
}

/// Lets the web users of a site use scripts, or has none of them use any.
///
/// # Errors
/// `domain_not_found`.
pub async fn set_web_user_prefs(
    ctx: &Ctx,
    site: &SiteRef,
    scripts: bool,
    mode: Mode,
) -> Result<Outcome<WebUserPrefsView>, Problems> {
    let site = Site::authorized(ctx, Action::WebUserEdit, site).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &site, scripts, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    site: &Site,
    scripts: bool,
    mode: Mode,
) -> Result<Outcome<WebUserPrefsView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let site = site.again(&mut tx).await?;
    let old = web_users::scripts(&mut tx, site.domain.id).await?;
    let plan = || {
        let kind = if old == scripts { ChangeKind::Keep } else { ChangeKind::Change };
        let word = if scripts { "on" } else { "off" };
        one_change(kind, "scripts of web users", site.domain.fqdn.as_str(), Some(word.to_owned()))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let view = WebUserPrefsView { site: site.number, scripts };
    if old == scripts {
        return Ok(Outcome::Done(view));
    }
    web_users::set_scripts(&mut tx, site.domain.id, scripts).await?;
    accounts::stamp(&mut tx, site.domain.account).await?;
    let detail = json!({ "scripts": { "old": old, "new": scripts } });
    let whose = Some(site.subject.user.id);
    audit(ctx, &mut tx, Action::WebUserEdit, site.domain.fqdn.as_str(), whose, detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
