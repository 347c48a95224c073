use berth_core::id::UserId;
use berth_core::policy::{Action, Relation, Scope};
use berth_core::role::{Actor, Role, UserRef};
use berth_core::user::MemberRole;
use berth_core::{Code, Problem, Problems};
use berth_store::accounts::AccountOverview;
use berth_store::users::UserRecord;
use berth_store::{Tx, accounts, memberships, users};

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};

/// The user whom a verb acts on, with their account.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) user: UserRecord,
    pub(super) account: Option<AccountOverview>,
    /// Whether the verb also acts on somebody who is in the trash.
    in_trash_too: bool,
}

impl Subject {
    /// Finds the user whom the caller names and makes sure that the caller may do this to them. Somebody who
    /// may not know whether the user exists gets one answer for both.
    pub(super) async fn authorized(ctx: &Ctx, action: Action, named: &UserRef) -> Result<Self, Problems> {
        let (found, relation) = retrying!(&ctx.app, Self::look(ctx, action, named))?;
        Self::admitted(ctx, action, found, (relation, named, missing(named))).await
    }

    /// The same for something of the user's that has an answer of its own if there is none.
    pub(super) async fn authorized_as(
        ctx: &Ctx,
        action: Action,
        named: &UserRef,
        missing: &Problem,
    ) -> Result<Self, Problems> {
        let (found, relation) = retrying!(&ctx.app, Self::look(ctx, action, named))?;
        Self::admitted(ctx, action, found, (relation, named, missing.clone())).await
    }

    async fn admitted(
        ctx: &Ctx,
        action: Action,
        found: Option<Self>,
        (relation, named, missing): (Relation, &UserRef, Problem),
    ) -> Result<Self, Problems> {
        let target = Target {
            relation,
            name: found.as_ref().map_or_else(|| named.to_string(), |subject| name_of(&subject.user)),
            user: found.as_ref().map(|subject| subject.user.id),
            missing: missing.clone(),
        };
        authorize(ctx, action, &target).await?;
        let subject = found.ok_or(missing)?;
        subject.is_not_in_trash()?;
        Ok(subject)
    }

    async fn look(ctx: &Ctx, action: Action, named: &UserRef) -> Result<(Option<Self>, Relation), Failure> {
        let mut tx = ctx.app.store.read().await?;
        let Some(user) = users::find(&mut tx, named).await? else {
            // As for somebody else's, so that the answers can't be told apart.
            return Ok((None, Relation::Foreign));
        };
        let account = accounts::of_user(&mut tx, user.id).await?;
        let relation = relation(&mut tx, &ctx.actor, action, &user, account.as_ref()).await?;
        let in_trash_too =
            action.scope() == Scope::Read || matches!(action, Action::UserRestore | Action::UserPurge);
        Ok((Some(Self { user, account, in_trash_too }), relation))
    }

    /// Reads the same user again in the transaction that is going to change them.
    pub(super) async fn again(&self, tx: &mut Tx) -> Result<Self, Failure> {
        let Some(user) = users::by_id(tx, self.user.id).await? else {
            return Err(missing(&UserRef::Id(self.user.id)).into());
        };
        let account = accounts::of_user(tx, user.id).await?;
        let subject = Self { user, account, in_trash_too: self.in_trash_too };
        subject.is_not_in_trash()?;
        Ok(subject)
    }

    /// The same for what comes after the user was put into the trash.
    pub(super) fn even_in_trash(self) -> Self {
        Self { in_trash_too: true, ..self }
    }

    /// Whoever is in the trash stays as they are until they are restored or purged.
    fn is_not_in_trash(&self) -> Result<(), Problem> {
        if self.in_trash_too || !self.user.life.is_deleted() {
            return Ok(());
        }
        Err(Problem::new(Code::UserInTrash, format!("{} is in the trash", self.name())))
    }

    /// The user's account, which the verb can't do without.
    pub(super) fn account(&self) -> Result<&AccountOverview, Problem> {
        self.account.as_ref().ok_or_else(|| {
            Problem::new(Code::AccountMissing, format!("{} has no hosting account", name_of(&self.user)))
                .hint("name a user who was created with a username, package and primary domain")
        })
    }

    /// What people call the user.
    pub(super) fn name(&self) -> String {
        name_of(&self.user)
    }

    /// Makes sure that the client has seen the newest version.
    pub(super) fn is_version(&self, if_match: Option<i64>) -> Result<(), Problem> {
        matches_version(if_match, self.user.version)
    }
}

/// Makes sure that the version that the client has seen, if it says one, is the newest.
pub(super) fn matches_version(seen: Option<i64>, version: i64) -> Result<(), Problem> {
    match seen {
        Some(seen) if seen != version => Err(changed()),
        _ => Ok(()),
    }
}

/// The answer to an edit of something that has changed since it was read.
pub(super) fn changed() -> Problem {
    Problem::new(Code::PreconditionFailed, "it has been changed since it was read")
        .hint("read it again and repeat the edit")
}

pub(super) fn name_of(user: &UserRecord) -> String {
    user.login.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string)
}

fn missing(named: &UserRef) -> Problem {
    Problem::new(Code::UserNotFound, format!("there is no user `{named}`"))
}

/// How a user, or the account that they own, relates to the actor.
async fn relation(
    tx: &mut Tx,
    actor: &Actor,
    action: Action,
    user: &UserRecord,
    account: Option<&AccountOverview>,
) -> Result<Relation, Failure> {
    let Some((me, role)) = actor.user_and_role() else { return Ok(Relation::Foreign) };
    if user.id == me {
        return Ok(Relation::Own);
    }
    if role == Role::Reseller && user.owner == Some(me) {
        return Ok(Relation::Managed);
    }
    // A manager of an account has a say in the account, and none in its owner's person.
    if is_about_account(action)
        && let Some(overview) = account
        && overview.membership == MemberRole::Owner
        && let Some(MemberRole::Owner | MemberRole::Manager) =
            memberships::role(tx, me, overview.account.id).await?
    {
        return Ok(Relation::Own);
    }
    Ok(Relation::Foreign)
}

const fn is_about_account(action: Action) -> bool {
    matches!(
        action,
        Action::SftpSet
            | Action::DomainRead
            | Action::DomainAdd
            | Action::DomainEdit
            | Action::DomainRemove
            | Action::DomainVerify
            | Action::DomainApprove
            | Action::CertificateRead
            | Action::CertificateRenew
            | Action::WebUserRead
            | Action::WebUserAdd
            | Action::WebUserEdit
            | Action::WebUserDelete
            | Action::LogRead
            | Action::SshKeyRead
            | Action::SshKeyAdd
            | Action::SshKeyRemove
            | Action::EgressRead
            | Action::TimerRead
            | Action::TimerAdd
            | Action::TimerEdit
            | Action::TimerRemove
            | Action::TimerRun
    )
}

impl Subject {
    /// How a user who is known by id relates to the actor.
    pub(super) async fn relation_of(
        tx: &mut Tx,
        ctx: &Ctx,
        action: Action,
        id: UserId,
    ) -> Result<Relation, Failure> {
        let Some(user) = users::by_id(tx, id).await? else { return Ok(Relation::Foreign) };
        relation(tx, &ctx.actor, action, &user, None).await
    }
}
