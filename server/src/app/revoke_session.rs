use berth_core::id::SessionId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, SessionsEnded};
use berth_core::{Code, Problem, Problems};
use berth_store::{impersonations, sessions};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::set_password::end_other_sessions;
use super::subject::Subject;

/// Ends one session of a user at once.
///
/// # Errors
/// `user_not_found`, `session_not_found`.
pub async fn revoke_session(
    ctx: &Ctx,
    user: &UserRef,
    id: SessionId,
    mode: Mode,
) -> Result<Outcome<SessionsEnded>, Problems> {
    let subject = Subject::authorized(ctx, Action::SessionRevoke, user).await?;
    retrying!(&ctx.app, one(ctx, &subject, id, mode))
}

async fn one(
    ctx: &Ctx,
    subject: &Subject,
    id: SessionId,
    mode: Mode,
) -> Result<Outcome<SessionsEnded>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let found = sessions::by_id(&mut tx, id).await?.filter(|session| session.user == subject.user.id);
    let Some(session) = found else {
        let detail = format!("{} has no session {id}", subject.name());
        return Err(Problem::new(Code::SessionNotFound, detail).into());
    };
    let plan = || one_change(ChangeKind::Remove, "session", id.to_string(), Some(session.agent.clone()));
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    if let Some(grant) = session.impersonation {
        impersonations::end(&mut tx, grant, ctx.app.clock.now()).await?;
    }
    sessions::delete(&mut tx, id).await?;
    let detail = json!({ "session": id, "address": session.address });
    audit(ctx, &mut tx, Action::SessionRevoke, subject.name(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(SessionsEnded { ended: 1 }))
}

/// Ends every session of a user at once, but not the one that asks.
///
/// # Errors
/// `user_not_found`.
pub async fn revoke_sessions(
    ctx: &Ctx,
    user: &UserRef,
    mode: Mode,
) -> Result<Outcome<SessionsEnded>, Problems> {
    let subject = Subject::authorized(ctx, Action::SessionRevoke, user).await?;
    retrying!(&ctx.app, all(ctx, &subject, mode))
}

async fn all(ctx: &Ctx, subject: &Subject, mode: Mode) -> Result<Outcome<SessionsEnded>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let plan = || one_change(ChangeKind::Remove, "sessions", subject.name(), None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    impersonations::end_by(&mut tx, subject.user.id, ctx.app.clock.now()).await?;
    let ended = end_other_sessions(ctx, &mut tx, subject.user.id).await?;
    let detail = json!({ "ended": ended });
    audit(ctx, &mut tx, Action::SessionRevoke, subject.name(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(SessionsEnded { ended }))
}
