use berth_core::command::AddWebUser;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, WebUserView};
use berth_core::web_user::{CryptHash, NewPassword, WebService};
use berth_core::{Code, Problem, Problems};
use berth_store::web_users::WebUserRecord;
use berth_store::{Tx, accounts, nodes, web_users};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::idempotency::Request;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::site::{Site, SiteRef, login_of_somebody};
use super::web_user_parts::{check_password, check_services, hashed, sorted, web_user_view};

/// Most web users of one site.
const MOST: usize = 1000;

/// Adds a web user to a site: a login for file transfer of its own, with its own pages.
///
/// # Errors
/// `domain_not_found`, `web_user_taken`, `password_invalid`, `web_scripts_off`, `limit_exceeded`,
/// `idempotency_conflict`.
pub async fn add_web_user(
    ctx: &Ctx,
    site: &SiteRef,
    command: AddWebUser,
    mode: Mode,
) -> Result<Outcome<WebUserView>, Problems> {
    let site = Site::authorized(ctx, Action::WebUserAdd, site).await?;
    let secret = match &command.password {
        NewPassword::Plain(plain) => plain.expose(),
        NewPassword::Locked | NewPassword::Hashed(_) => "",
    };
    let request = Request::with_secret(ctx, Action::WebUserAdd, &(site.domain.id, &command), secret)?;
    check_password(&ctx.app, &command.login, &command.password)?;
    // A first look without the writers' lock, so that a mistake costs no hash.
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        if request.replay::<WebUserView>(&mut tx, mode).await?.is_some() {
            return Ok::<_, Failure>(());
        }
        clashes(&mut tx, &site, &command).await
    })?;
    let password = match mode {
        Mode::Apply => hashed(&ctx.app, &command.password).await?,
        Mode::Plan | Mode::CheckOnly | Mode::CheckAll => None,
    };
    let outcome = retrying!(&ctx.app, attempt(ctx, &site, &command, (&request, password.as_ref()), mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    site: &Site,
    command: &AddWebUser,
    (request, password): (&Request, Option<&CryptHash>),
    mode: Mode,
) -> Result<Outcome<WebUserView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let site = site.again(&mut tx).await?;
    clashes(&mut tx, &site, command).await?;
    let scripts = web_users::scripts(&mut tx, site.domain.id).await?;
    check_services(command.services.as_deref(), scripts, &site)?;
    let plan = || {
        let detail = format!("file transfer and pages at {}/~{}/", site.domain.fqdn, command.login);
        one_change(ChangeKind::Create, "web_user", command.login.as_str(), Some(detail))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    // The account's node first, as creating an account does: both take locks until the commit.
    accounts::stamp(&mut tx, site.domain.account).await?;
    let user = WebUserRecord {
        uid: accounts::allocate_uid(&mut tx).await?,
        number: web_users::next_number(&mut tx).await?,
        domain: site.domain.id,
        login: command.login.clone(),
        password: password.cloned(),
        quota: command.quota,
        services: match &command.services {
            Some(services) => sorted(services),
            None => WebService::ALL.to_vec(),
        },
        created_at: ctx.app.clock.now(),
    };
    web_users::insert(&mut tx, &user).await?;
    let view = web_user_view(&user, &site, scripts);
    request.remember(&mut tx, &view).await?;
    let detail = json!({
        "domain": site.domain.fqdn,
        "number": user.number,
        "uid": user.uid,
        "quota_bytes": user.quota,
        "services": user.services,
        "password": user.password.is_some(),
    });
    let whose = Some(site.subject.user.id);
    audit(ctx, &mut tx, Action::WebUserAdd, user.login.as_str(), whose, detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}

/// Makes sure that nobody has the login, and that the site has room for one more.
async fn clashes(tx: &mut Tx, site: &Site, command: &AddWebUser) -> Result<(), Failure> {
    let mut problems = Problems::none();
    let key = command.login.key();
    let account = &site.subject.account()?.account;
    let foreign = nodes::foreign_account(tx, account.node, &[command.login.as_str(), &key]).await?;
    if foreign || web_users::by_key(tx, &key).await?.is_some() || login_of_somebody(tx, &key).await? {
        problems.push(
            Problem::new(Code::WebUserTaken, format!("the login {} is already in use", command.login))
                .at("login"),
        );
    }
    if web_users::of_domain(tx, site.domain.id).await?.len() >= MOST {
        let detail = format!("{} has {MOST} web users, and a site can't have more", site.domain.fqdn);
        problems.push(Problem::new(Code::LimitExceeded, detail).hint("remove a web user first"));
    }
    Ok(problems.into_result()?)
}
