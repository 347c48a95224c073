use berth_core::command::Impersonate;
use berth_core::id::{ImpersonationId, RequestId};
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::{Actor, Role, UserRef, Via};
use berth_core::view::{ChangeKind, ImpersonationView};
use berth_core::{Code, Problem, Problems};
use berth_store::impersonations::{self, ImpersonationRecord};
use berth_store::sessions;
use chrono::TimeDelta;
use serde_json::json;

use super::audited::{audit, audit_of};
use super::context::{App, Ctx};
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::session::{CONFIRMATION, Session};
use super::subject::Subject;

/// For how long an administrator acts in somebody's place at most.
const LENGTH: TimeDelta = TimeDelta::minutes(60);

/// Grants shown in a list.
const LISTED: u32 = 50;

/// Lets the administrator of this session act in somebody's place, for 60 minutes. From the next request on the
/// session's actor is the other user, with the administrator behind; read the session again.
///
/// # Errors
/// `user_not_found`, `forbidden` outside a session or in somebody's place already, `confirmation_needed`,
/// `impersonation_refused` for an administrator or oneself.
pub async fn impersonate(
    ctx: &Ctx,
    user: &UserRef,
    command: Impersonate,
    mode: Mode,
) -> Result<Outcome<ImpersonationView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserImpersonate, user).await?;
    let Actor::Person { user: admin, via: Via::Session(session), behind: None, .. } = ctx.actor else {
        return Err(Problem::new(Code::Forbidden, "this needs a session of the panel")
            .hint("sign in to the panel, and take the user's place there")
            .into());
    };
    if subject.user.role == Role::Admin || subject.user.id == admin {
        let detail = format!("nobody acts in the place of {}", subject.name());
        return Err(Problem::new(Code::ImpersonationRefused, detail).into());
    }
    let now = ctx.app.clock.now();
    if ctx.confirmed_at.is_none_or(|at| now - at >= CONFIRMATION) {
        return Err(Problem::new(Code::ConfirmationNeeded, "give your password again first").into());
    }
    let grant = ImpersonationRecord {
        id: ImpersonationId::new(now, ctx.app.randomness.ten()),
        admin,
        user: subject.user.id,
        reason: command.reason.to_string(),
        created_at: now,
        expires_at: now + LENGTH,
        ended_at: None,
    };
    let plan = || one_change(ChangeKind::Create, "impersonation", subject.name(), None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.begin().await?;
        impersonations::insert(&mut tx, &grant).await?;
        sessions::impersonate(&mut tx, session, Some(grant.id)).await?;
        let detail = json!({ "grant": grant.id, "reason": grant.reason, "until": grant.expires_at });
        audit(ctx, &mut tx, Action::UserImpersonate, subject.name(), Some(grant.user), detail).await?;
        Ok::<_, Failure>(tx.commit().await?)
    })?;
    Ok(Outcome::Done(impersonation_view(grant)))
}

/// Gives the session back to the administrator.
///
/// # Errors
/// `impersonation_not_found` if it is theirs already.
pub async fn end_impersonation(app: &App, request: RequestId, session: &Session) -> Result<(), Problems> {
    retrying!(app, async {
        let now = app.clock.now();
        let mut tx = app.store.begin().await?;
        let grant = sessions::by_id(&mut tx, session.id).await?.and_then(|record| record.impersonation);
        let Some(grant) = grant else {
            return Err(Problem::new(Code::ImpersonationNotFound, "you act for yourself").into());
        };
        impersonations::end(&mut tx, grant, now).await?;
        sessions::impersonate(&mut tx, session.id, None).await?;
        let detail = json!({ "grant": grant });
        let actor = session.own_actor();
        audit_of(app, request, &mut tx, &actor, "user.impersonate_end", session.acting(), detail).await?;
        Ok(tx.commit().await?)
    })
}

/// Lists who acted in a user's place lately, and why; the user sees it too.
///
/// # Errors
/// `user_not_found`.
pub async fn list_impersonations(ctx: &Ctx, user: &UserRef) -> Result<Vec<ImpersonationView>, Problems> {
    let subject = Subject::authorized(ctx, Action::SessionRead, user).await?;
    let all = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        Ok(impersonations::of_user(&mut tx, subject.user.id, LISTED).await?)
    })?;
    Ok(all.into_iter().map(impersonation_view).collect())
}

/// Takes a grant back at once, whoever has it.
///
/// # Errors
/// `user_not_found`, `impersonation_not_found`.
pub async fn revoke_impersonation(
    ctx: &Ctx,
    user: &UserRef,
    id: ImpersonationId,
    mode: Mode,
) -> Result<Outcome<ImpersonationView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserImpersonate, user).await?;
    retrying!(&ctx.app, revoke(ctx, &subject, id, mode))
}

async fn revoke(
    ctx: &Ctx,
    subject: &Subject,
    id: ImpersonationId,
    mode: Mode,
) -> Result<Outcome<ImpersonationView>, Failure> {
    let now = ctx.app.clock.now();
    let mut tx = ctx.open(mode).await?;
    let found = impersonations::by_id(&mut tx, id).await?.filter(|grant| grant.user == subject.user.id);
    let Some(grant) = found else {
        return Err(Problem::new(Code::ImpersonationNotFound, "there is no such grant").into());
    };
    let plan = || one_change(ChangeKind::Remove, "impersonation", subject.name(), None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    impersonations::end(&mut tx, id, now).await?;
    let detail = json!({ "revoked": id });
    audit(ctx, &mut tx, Action::UserImpersonate, subject.name(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(impersonation_view(ImpersonationRecord {
        ended_at: grant.ended_at.or(Some(now)),
        ..grant
    })))
}

fn impersonation_view(grant: ImpersonationRecord) -> ImpersonationView {
    ImpersonationView {
        id: grant.id,
        admin: grant.admin,
        user: grant.user,
        reason: grant.reason,
        created_at: grant.created_at,
        expires_at: grant.expires_at,
        ended_at: grant.ended_at,
    }
}
