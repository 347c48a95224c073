//! What the verbs about a user's life share: with whose authority they are done, and who can't be closed out.

use berth_core::mode::Mode;
use berth_core::role::{Actor, Role};
use berth_core::standing::Standing;
use berth_core::suspension::Authority;
use berth_core::view::{ChangeKind, PlannedChange};
use berth_core::{Code, Problem, layout};
use berth_store::users::UserRecord;
use berth_store::{Tx, accounts, sessions, trash, users};
use chrono::{DateTime, TimeDelta, Utc};

use super::context::Ctx;
use super::load_settings;
use super::outcome::planned;
use super::problem::Failure;
use super::subject::Subject;

/// With whose authority the actor does something to a user.
pub(super) fn authority(actor: &Actor, user: &UserRecord) -> Authority {
    match actor.user_and_role() {
        Some((me, _)) if me == user.id => Authority::Owner,
        Some((_, Role::Admin)) | None => Authority::Operator,
        Some((_, Role::Reseller)) => Authority::Reseller,
        Some((_, Role::User)) => Authority::Owner,
    }
}

/// Makes sure that an administrator who can sign in is left without this user. Locks the administrators if
/// something is going to be written.
pub(super) async fn leaves_an_admin(tx: &mut Tx, user: &UserRecord, mode: Mode) -> Result<(), Failure> {
    if user.role != Role::Admin {
        return Ok(());
    }
    let enabled = match mode {
        Mode::Apply => users::lock_admins(tx).await?,
        Mode::Plan | Mode::CheckOnly | Mode::CheckAll => users::enabled_admins(tx).await?,
    };
    if enabled.iter().any(|admin| *admin != user.id) {
        return Ok(());
    }
    let name = user.login.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string);
    Err(Problem::new(Code::LastAdmin, format!("{name} is the last administrator who can sign in"))
        .hint("make somebody else an administrator first")
        .into())
}

/// Makes sure that a user can be deleted or purged at all.
pub(super) async fn is_deletable(
    ctx: &Ctx,
    tx: &mut Tx,
    user: &UserRecord,
    mode: Mode,
) -> Result<(), Failure> {
    if ctx.actor.user() == Some(user.id) {
        return Err(Problem::new(Code::SelfChange, "nobody deletes themself")
            .hint("ask an administrator")
            .into());
    }
    leaves_an_admin(tx, user, mode).await?;
    match trash::owned_users(tx, user.id).await? {
        0 => Ok(()),
        owned => Err(Problem::new(
            Code::ResellerHasUsers,
            format!("{owned} users belong to this reseller, those in the trash included"),
        )
        .into()),
    }
}

/// Has the nodes look at every account that a user owns.
pub(super) async fn stamp_accounts(tx: &mut Tx, user: &UserRecord) -> Result<(), Failure> {
    for account in trash::owned_accounts(tx, user.id).await? {
        accounts::stamp(tx, account).await?;
    }
    Ok(())
}

/// Ends what a user who may not sign in any more has open.
pub(super) async fn close_sign_in(tx: &mut Tx, user: &UserRecord) -> Result<(), Failure> {
    sessions::delete_of(tx, user.id, None).await?;
    Ok(())
}

/// When somebody who is deleted now is purged; `None` if at once.
pub(super) async fn purge_at(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Failure> {
    Ok(match load_settings::stored(tx).await?.trash_days {
        0 => None,
        days => Some(now + TimeDelta::days(days.into())),
    })
}

/// What becomes of the surfaces of a user, one by one.
pub(super) fn surfaces(subject: &Subject, before: Standing, after: Standing) -> Vec<PlannedChange> {
    let Some(overview) = &subject.account else { return Vec::new() };
    let username = &overview.account.username;
    if before == after {
        return vec![planned(ChangeKind::Keep, "account", username.to_string(), None)];
    }
    let step = |what: &str, name: String, detail: &str| {
        planned(ChangeKind::Change, what, name, Some(detail.to_owned()))
    };
    let name = username.to_string();
    let home = layout::home(username);
    match after {
        Standing::Open => vec![
            step("site", name.clone(), "served again"),
            step("php", name.clone(), "started by the next request"),
            step("sftp", name.clone(), "as its owner has set it"),
            step("timers", name.clone(), "as its owner has set them"),
            step("egress", name.clone(), "what its package allows"),
            step("home", home, "in its place, as it was"),
        ],
        Standing::Suspended | Standing::Trashed => {
            let mut steps = vec![
                step("site", name.clone(), "every page answers 503"),
                step("php", name.clone(), "ended, and its socket is gone"),
                step("sftp", name.clone(), "nobody gets in; open sessions end"),
                step("timers", name.clone(), "do not run; what runs is ended"),
                step("processes", name.clone(), "all of them are ended"),
                step("egress", name.clone(), "nothing can be sent"),
            ];
            if after == Standing::Trashed {
                steps.push(step("home", home, "sealed: only root can reach it, and it comes back as it is"));
            }
            steps
        }
        Standing::Purged => ["site", "php", "timers", "sftp", "egress", "slice", "quota", "home", "account"]
            .into_iter()
            .map(|what| {
                let detail =
                    if what == "home" { Some(format!("{home} with everything in it")) } else { None };
                planned(ChangeKind::Remove, what, name.clone(), detail)
            })
            .collect(),
    }
}
