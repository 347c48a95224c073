use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::{Actor, UserRef, Via};
use berth_core::view::{LoginView, SessionView};
use berth_store::sessions::SessionRecord;
use berth_store::{login_history, sessions};

use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Attempts that a history shows.
const HISTORY: u32 = 100;

/// Lists the sessions of a user that are open, newest first.
///
/// # Errors
/// `user_not_found`.
pub async fn list_sessions(ctx: &Ctx, user: &UserRef) -> Result<Vec<SessionView>, Problems> {
    let subject = Subject::authorized(ctx, Action::SessionRead, user).await?;
    retrying!(&ctx.app, read(ctx, &subject))
}

async fn read(ctx: &Ctx, subject: &Subject) -> Result<Vec<SessionView>, Failure> {
    let now = ctx.app.clock.now();
    let idle = ctx.app.installation().session_idle();
    let mut tx = ctx.app.store.read().await?;
    let all = sessions::of_user(&mut tx, subject.user.id).await?;
    Ok(all
        .into_iter()
        .filter(|session| session.expires_at > now && session.used_at + idle > now)
        .map(|session| session_view(ctx, session))
        .collect())
}

/// Lists the latest attempts to sign in as a user, newest first.
///
/// # Errors
/// `user_not_found`.
pub async fn list_logins(ctx: &Ctx, user: &UserRef) -> Result<Vec<LoginView>, Problems> {
    let subject = Subject::authorized(ctx, Action::SessionRead, user).await?;
    retrying!(&ctx.app, read_logins(ctx, &subject))
}

async fn read_logins(ctx: &Ctx, subject: &Subject) -> Result<Vec<LoginView>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let all = login_history::of_user(&mut tx, subject.user.id, HISTORY).await?;
    Ok(all
        .into_iter()
        .map(|login| LoginView {
            at: login.at,
            outcome: login.outcome,
            address: login.address,
            agent: login.agent,
        })
        .collect())
}

pub(super) fn session_view(ctx: &Ctx, session: SessionRecord) -> SessionView {
    let current = matches!(ctx.actor, Actor::Person { via: Via::Session(id), .. } if id == session.id);
    SessionView {
        id: session.id,
        user: session.user,
        state: session.state,
        agent: session.agent,
        address: session.address,
        created_at: session.created_at,
        used_at: session.used_at,
        expires_at: session.expires_at,
        current,
    }
}
