use berth_core::Problems;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::ChangeKind;
use berth_store::web_users::WebUserRecord;
use berth_store::{accounts, web_users};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::site::{Site, WebUserRef, no_web_user, of_web_user};

/// Deletes a web user with all files.
///
/// # Errors
/// `web_user_not_found`.
pub async fn delete_web_user(ctx: &Ctx, user: &WebUserRef, mode: Mode) -> Result<Outcome<()>, Problems> {
    let (site, record) = of_web_user(ctx, Action::WebUserDelete, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &site, &record, mode))?;
    if let Outcome::Done(()) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, site: &Site, record: &WebUserRecord, mode: Mode) -> Result<Outcome<()>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let site = site.again(&mut tx).await?;
    let named = WebUserRef::Number(record.number);
    if web_users::by_number(&mut tx, record.number).await?.is_none() {
        return Err(no_web_user(&named).into());
    }
    let plan = || {
        let detail = format!("of {}, with all files", site.domain.fqdn);
        one_change(ChangeKind::Remove, "web_user", record.login.as_str(), Some(detail))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    web_users::remove(&mut tx, record.number).await?;
    accounts::stamp(&mut tx, site.domain.account).await?;
    let detail = json!({ "domain": site.domain.fqdn, "number": record.number, "uid": record.uid });
    let whose = Some(site.subject.user.id);
    audit(ctx, &mut tx, Action::WebUserDelete, record.login.as_str(), whose, detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(()))
}
