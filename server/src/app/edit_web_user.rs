use berth_core::Problems;
use berth_core::command::EditWebUser;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, WebUserView};
use berth_core::web_user::CryptHash;
use berth_store::web_users::WebUserRecord;
use berth_store::{accounts, web_users};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::site::{Site, WebUserRef, no_web_user, of_web_user};
use super::web_user_parts::{check_password, check_services, hashed, sorted, web_user_view};

/// Changes password, quota and services of a web user.
///
/// # Errors
/// `web_user_not_found`, `password_invalid`, `web_scripts_off`.
pub async fn edit_web_user(
    ctx: &Ctx,
    user: &WebUserRef,
    command: EditWebUser,
    mode: Mode,
) -> Result<Outcome<WebUserView>, Problems> {
    let (site, record) = of_web_user(ctx, Action::WebUserEdit, user).await?;
    let mut password = None;
    if let Some(new) = &command.password {
        check_password(&ctx.app, &record.login, new)?;
        if mode == Mode::Apply {
            password = hashed(&ctx.app, new).await?;
        }
    }
    let outcome = retrying!(&ctx.app, attempt(ctx, (&site, &record), &command, password.as_ref(), mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    (site, record): (&Site, &WebUserRecord),
    command: &EditWebUser,
    password: Option<&CryptHash>,
    mode: Mode,
) -> Result<Outcome<WebUserView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let site = site.again(&mut tx).await?;
    let named = WebUserRef::Number(record.number);
    let Some(old) = web_users::by_number(&mut tx, record.number).await? else {
        return Err(no_web_user(&named).into());
    };
    let scripts = web_users::scripts(&mut tx, site.domain.id).await?;
    check_services(command.services.as_deref(), scripts, &site)?;
    let mut new = old.clone();
    if command.password.is_some() {
        new.password = password.cloned();
    }
    new.quota = command.quota.unwrap_or(new.quota);
    if let Some(services) = &command.services {
        new.services = sorted(services);
    }
    let plan = || {
        let kind = if command == &EditWebUser::default() { ChangeKind::Keep } else { ChangeKind::Change };
        one_change(kind, "web_user", old.login.as_str(), Some(format!("of {}", site.domain.fqdn)))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let view = web_user_view(&new, &site, scripts);
    if new == old {
        return Ok(Outcome::Done(view));
    }
    web_users::update(&mut tx, &new).await?;
    accounts::stamp(&mut tx, site.domain.account).await?;
    let detail = json!({
        "domain": site.domain.fqdn,
        "password": command.password.is_some(),
        "quota_bytes": { "old": old.quota, "new": new.quota },
        "services": { "old": old.services, "new": new.services },
    });
    let whose = Some(site.subject.user.id);
    audit(ctx, &mut tx, Action::WebUserEdit, new.login.as_str(), whose, detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
