use berth_core::command::AddDomain;
use berth_core::domain::HttpsRedirect;
use berth_core::id::DomainId;
use berth_core::mode::Mode;
use berth_core::plan::standard_aliases;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, DomainView};
use berth_core::{Code, Problem, Problems, layout};
use berth_store::domains::DomainRecord;
use berth_store::{accounts, domains, packages, proofs};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::domain_claim::{initial_state, why_taken};
use super::idempotency::Request;
use super::outcome::{Outcome, one_change};
use super::ownership::admit;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::domain_view;

/// Adds a domain with its site to an account.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_taken`, `limit_exceeded`, `idempotency_conflict`.
pub async fn add_domain(
    ctx: &Ctx,
    user: &UserRef,
    command: AddDomain,
    mode: Mode,
) -> Result<Outcome<DomainView>, Problems> {
    let subject = Subject::authorized(ctx, Action::DomainAdd, user).await?;
    let request = Request::new(ctx, Action::DomainAdd, &(subject.user.id, &command))?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, &command, &request, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    command: &AddDomain,
    request: &Request,
    mode: Mode,
) -> Result<Outcome<DomainView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if mode == Mode::Apply {
        domains::lock(&mut tx, &command.fqdn).await?;
    }
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let mut problems = Problems::none();
    if let Some(problem) = why_taken(ctx, &mut tx, &command.fqdn, Some(account.id)).await? {
        problems.push(problem.at("domain"));
    }
    if let Some(package) = packages::by_id(&mut tx, account.package).await? {
        let bound = package.limits.resolve(&ctx.app.settings.defaults).domains;
        if !bound.allows(domains::count(&mut tx, account.id).await? + 1) {
            problems.push(
                Problem::new(
                    Code::LimitExceeded,
                    format!("the package {} allows {bound} domains", package.name),
                )
                .at("domain")
                .hint("remove a domain, or give the account a larger package"),
            );
        }
    }
    problems.into_result()?;
    let plan = || {
        let place = layout::site_dir(&account.username, &command.fqdn);
        one_change(ChangeKind::Create, "domain", command.fqdn.as_str(), Some(format!("site in {place}")))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    let domain = DomainRecord {
        id: DomainId::new(now, ctx.app.randomness.ten()),
        account: account.id,
        fqdn: command.fqdn.clone(),
        aliases: standard_aliases(&command.fqdn),
        docroot: command.docroot.clone(),
        state: initial_state(ctx),
        primary: false,
        https_redirect: HttpsRedirect::default(),
        hsts: None,
        created_at: now,
    };
    admit(ctx, &mut tx, &domain).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let detail = json!({ "account": account.username, "docroot": domain.docroot, "state": domain.state });
    let waiting = proofs::by_domain(&mut tx, domain.id).await?;
    let view = domain_view(domain, waiting.as_ref());
    request.remember(&mut tx, &view).await?;
    audit(ctx, &mut tx, Action::DomainAdd, command.fqdn.as_str(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
