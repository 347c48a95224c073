use berth_core::command::PutExternalUser;
use berth_core::id::{UserId, WebsiteId};
use berth_core::mode::Mode;
use berth_core::name::{DisplayName, Email, Login};
use berth_core::policy::Action;
use berth_core::role::{Role, UserRef};
use berth_core::standing::Life;
use berth_core::suspension::{Suspension, SuspensionLevel, SuspensionReason};
use berth_core::user::Language;
use berth_core::view::ChangeKind;
use berth_core::website::{ExternalUserView, Website};
use berth_core::{Code, Parse, Problem, Problems};
use berth_store::external_users::ExternalUserRecord;
use berth_store::users::UserRecord;
use berth_store::websites::WebsiteRecord;
use berth_store::{Tx, external_users, suspensions, users, websites};
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::domain_claim::is_admin;
use super::external_view::{external_view, place};
use super::life::{authority, close_sign_in, leaves_an_admin, stamp_accounts};
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::test_websites::test_websites;

/// Creates a user who has websites, or changes one: what Installatron's `POST /users` does. A user who is
/// known from elsewhere keeps everything that they have there.
///
/// With [`Mode::CheckAll`] every connection of the websites is tried as well, and nothing is changed.
///
/// # Errors
/// Every problem with its field: `value_invalid`, `username_invalid`, `username_taken`; `forbidden`;
/// `connection_failed` for each connection that could not be made.
pub async fn put_external_user(
    ctx: &Ctx,
    command: PutExternalUser,
    mode: Mode,
) -> Result<Outcome<ExternalUserView>, Problems> {
    let named = UserRef::Login(command.login.clone());
    let known = retrying!(&ctx.app, find(ctx, &command.login))?;
    if known.is_some() {
        Subject::authorized(ctx, Action::WebsiteSet, &named).await?;
        if let Some(suspended) = command.suspended {
            let action = if suspended { Action::UserSuspend } else { Action::UserActivate };
            Subject::authorized(ctx, action, &named).await?;
        }
    } else {
        authorize(ctx, Action::UserCreate, &Target::installation(command.login.as_str())).await?;
    }
    retrying!(&ctx.app, check(ctx, &command))?;
    if mode == Mode::CheckAll {
        test_websites(ctx, command.websites.as_deref().unwrap_or_default()).await?;
    }
    let plan = || {
        let kind = if known.is_some() { ChangeKind::Change } else { ChangeKind::Create };
        let count = command.websites.as_ref().map(|websites| format!("{} websites", websites.len()));
        one_change(kind, "user", command.login.as_str(), count)
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let view = retrying!(&ctx.app, store(ctx, &command))?;
    if command.suspended.is_some() {
        ctx.app.notifier.signal();
    }
    Ok(Outcome::Done(view))
}

async fn find(ctx: &Ctx, login: &Login) -> Result<Option<UserRecord>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    Ok(users::by_login(&mut tx, login).await?)
}

async fn check(ctx: &Ctx, command: &PutExternalUser) -> Result<(), Failure> {
    let mut tx = ctx.app.store.read().await?;
    let user = users::by_login(&mut tx, &command.login).await?;
    admissible(ctx, &mut tx, command, user.as_ref()).await.map(drop)
}

/// Whom the user belongs to after the command: `None` if it says nothing of that.
type NewOwner = Option<Option<UserId>>;

/// Everything that stands in the way, each with its field.
async fn admissible(
    ctx: &Ctx,
    tx: &mut Tx,
    command: &PutExternalUser,
    user: Option<&UserRecord>,
) -> Result<NewOwner, Failure> {
    let mut problems = Problems::none();
    let role = user.map(|user| user.role);
    match (command.role, role) {
        (Some(Role::User), Some(Role::Admin)) => problems.push(
            Problem::new(
                Code::ValueInvalid,
                format!("{} is an administrator, and stays one here", command.login),
            )
            .at("type")
            .hint("`berth user set-role` changes the role of an administrator"),
        ),
        (Some(Role::Reseller), None | Some(Role::User)) if !is_admin(&ctx.actor) => problems.push(
            Problem::new(Code::Forbidden, "only an administrator makes somebody a reseller").at("type"),
        ),
        _ => {}
    }
    if user.is_none() && berth_store::accounts::by_username(tx, &username(&command.login)?).await?.is_some() {
        problems
            .push(Problem::new(Code::UsernameTaken, format!("{} is already in use", command.login)).at("id"));
    }
    let owner = match owner(ctx, tx, command, user).await? {
        Ok(owner) => owner,
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    problems.into_result()?;
    Ok(owner)
}

fn username(login: &Login) -> Result<berth_core::name::Username, Problem> {
    berth_core::name::Username::parse(login.as_str()).map_err(|problem| problem.at("id"))
}

async fn owner(
    ctx: &Ctx,
    tx: &mut Tx,
    command: &PutExternalUser,
    user: Option<&UserRecord>,
) -> Result<Result<NewOwner, Problem>, Failure> {
    let me = ctx.actor.user_and_role().filter(|(_, role)| *role == Role::Reseller).map(|(id, _)| id);
    let Some(parent) = &command.parent else {
        return Ok(Ok(if user.is_none() { Some(me) } else { None }));
    };
    let refused = |detail: String| Ok(Err(Problem::new(Code::ValueInvalid, detail).at("parent")));
    if *parent == Login::first_admin() {
        return if me.is_some() {
            refused("only an administrator gives a user to the installation".to_owned())
        } else {
            Ok(Ok(Some(None)))
        };
    }
    let Some(found) = users::by_login(tx, parent).await? else {
        return refused(format!("there is no account `{parent}`"));
    };
    if found.role == Role::User {
        return refused(format!("{parent} is not a reseller"));
    }
    if user.is_some_and(|user| user.id == found.id) || me.is_some_and(|me| me != found.id) {
        return refused(format!("{parent} can't be the owner of {}", command.login));
    }
    Ok(Ok(Some((found.role == Role::Reseller).then_some(found.id))))
}

async fn store(ctx: &Ctx, command: &PutExternalUser) -> Result<ExternalUserView, Failure> {
    let mut tx = ctx.app.store.begin().await?;
    let found = users::by_login(&mut tx, &command.login).await?;
    let owner = admissible(ctx, &mut tx, command, found.as_ref()).await?;
    let created = found.is_none();
    let user = match found {
        Some(user) => user,
        None => create(ctx, &mut tx, command, owner.flatten()).await?,
    };
    let before = external_users::of_user(&mut tx, user.id).await?;
    if !created {
        adjust(&mut tx, command, &user, before.as_ref(), owner).await?;
    }
    external_users::put(&mut tx, &record(command, &user, before, created)).await?;
    if let Some(suspended) = command.suspended {
        suspend(ctx, &mut tx, &user, suspended).await?;
    }
    if let Some(sites) = &command.websites {
        replace(ctx, &mut tx, user.id, sites).await?;
    }
    // Labels and numbers only: a definition holds credentials.
    let labels: Option<Vec<&str>> =
        command.websites.as_ref().map(|sites| sites.iter().map(|site| site.label.as_str()).collect());
    let detail = json!({
        "created": created, "type": command.role, "parent": command.parent, "package": command.package,
        "email": command.email, "websites": labels,
    });
    let action = if created { Action::UserCreate } else { Action::WebsiteSet };
    audit(ctx, &mut tx, action, command.login.as_str(), Some(user.id), detail).await?;
    let Some(user) = users::by_id(&mut tx, user.id).await? else {
        return Err(Problem::new(Code::Internal, "the user is gone again").into());
    };
    let view = external_view(&ctx.app, &mut tx, user).await?;
    tx.commit().await?;
    view.ok_or_else(|| Problem::new(Code::Internal, "the user is not shown").into())
}

/// A person who came with their websites: without an account here, and without a password until one is set.
async fn create(
    ctx: &Ctx,
    tx: &mut Tx,
    command: &PutExternalUser,
    owner: Option<UserId>,
) -> Result<UserRecord, Failure> {
    let now = ctx.app.clock.now();
    let email = match command.email.clone().flatten() {
        Some(email) if users::by_email(tx, &email).await?.is_none() => email,
        _ => nobodys_address(&command.login)?,
    };
    let user = UserRecord {
        id: UserId::new(now, ctx.app.randomness.ten()),
        login: Some(command.login.clone()),
        email,
        display_name: DisplayName::parse(command.login.as_str())?,
        role: command.role.unwrap_or(Role::User),
        phone: None,
        address: None,
        timezone: None,
        language: language(command),
        owner,
        life: Life::default(),
        password_set_at: None,
        created_at: now,
        version: 1,
    };
    users::insert(tx, &user, None).await?;
    Ok(user)
}

/// Installatron's users need no address, and two may have the same; a person here has one that is theirs.
/// Nothing is ever sent below `.invalid` (RFC 2606).
fn nobodys_address(login: &Login) -> Result<Email, Problem> {
    Email::parse(&format!("{login}@users.invalid"))
}

fn language(command: &PutExternalUser) -> Language {
    command.locale.as_ref().and_then(|locale| Language::parse(locale.as_str()).ok()).unwrap_or_default()
}

/// Follows with what the person has of the same kind.
async fn adjust(
    tx: &mut Tx,
    command: &PutExternalUser,
    user: &UserRecord,
    before: Option<&ExternalUserRecord>,
    owner: NewOwner,
) -> Result<(), Failure> {
    if let Some(role) = command.role
        && user.role != Role::Admin
        && user.role != role
    {
        users::set_role(tx, user.id, role).await?;
    }
    if let Some(owner) = owner
        && owner != user.owner
    {
        users::set_owner(tx, user.id, owner).await?;
    }
    // Only an address that came from here follows: the others are what people sign in with.
    let follows = before.is_some_and(|before| before.created_here);
    if let Some(Some(email)) = &command.email
        && follows
        && users::by_email(tx, email).await?.is_none()
    {
        let Some(current) = users::by_id(tx, user.id).await? else { return Ok(()) };
        users::update(tx, &UserRecord { email: email.clone(), ..current }).await?;
    }
    Ok(())
}

fn record(
    command: &PutExternalUser,
    user: &UserRecord,
    before: Option<ExternalUserRecord>,
    created: bool,
) -> ExternalUserRecord {
    let (email, locale, package, created_here) = match before {
        Some(before) => (before.email, Some(before.locale), before.package, before.created_here),
        None if created => (None, None, None, true),
        None => (Some(user.email.clone()), None, None, false),
    };
    ExternalUserRecord {
        user: user.id,
        email: command.email.clone().unwrap_or(email),
        locale: command.locale.clone().or(locale).unwrap_or_default(),
        package: command.package.clone().unwrap_or(package),
        created_here,
        forgotten: false,
    }
}

/// Suspends everything of the user as an operator does, or takes that suspension away and no other.
async fn suspend(ctx: &Ctx, tx: &mut Tx, user: &UserRecord, suspended: bool) -> Result<(), Failure> {
    let reason = SuspensionReason::Operator;
    let by = authority(&ctx.actor, user);
    let mut after = user.life.clone();
    let refused = |what: &str| Problem::new(Code::Forbidden, what.to_owned()).at("suspended");
    let name = user.login.as_ref().map(Login::as_str).unwrap_or_default();
    let (action, detail) = match (suspended, user.life.suspensions.of(reason)) {
        (true, None) => {
            if !by.may_suspend(reason) || ctx.actor.user() == Some(user.id) {
                return Err(refused("nobody suspends themself").into());
            }
            leaves_an_admin(tx, user, Mode::Apply).await?;
            let since = ctx.app.clock.now();
            let suspension =
                Suspension { reason, level: SuspensionLevel::Full, by, since, until: None, message: None };
            suspensions::place(tx, user.id, &suspension).await?;
            close_sign_in(tx, user).await?;
            after.suspensions.place(suspension.clone());
            (Action::UserSuspend, json!({ "suspension": suspension }))
        }
        (false, Some(former)) => {
            if !by.may_lift(former) {
                return Err(refused("somebody else has suspended the user").into());
            }
            suspensions::lift(tx, user.id, reason).await?;
            after.suspensions.lift(reason);
            (Action::UserActivate, json!({ "lifted": [reason] }))
        }
        (true, Some(_)) | (false, None) => return Ok(()),
    };
    if user.life.standing() != after.standing() {
        stamp_accounts(tx, user).await?;
    }
    audit(ctx, tx, action, name, Some(user.id), detail).await
}

/// Seals the definitions. A website that keeps its label keeps its id.
async fn replace(ctx: &Ctx, tx: &mut Tx, user: UserId, sites: &[Website]) -> Result<(), Failure> {
    let now = ctx.app.clock.now();
    let before = websites::of_user(tx, user).await?;
    let mut sealed = Vec::with_capacity(sites.len());
    for site in sites {
        let old = before.iter().find(|old| old.label == site.label);
        let id = old.map_or_else(|| WebsiteId::new(now, ctx.app.randomness.ten()), |old| old.id);
        let unsealed = |what: &dyn std::fmt::Display| {
            tracing::error!(%what, "the definition of a website can't be sealed");
            Problem::new(Code::Internal, "the definition of a website can't be sealed")
        };
        let document =
            zeroize::Zeroizing::new(serde_json::to_vec(site).map_err(|_| unsealed(&"it can't be written"))?);
        let document = ctx
            .app
            .keyring
            .seal(&document, &place(id), ctx.app.randomness.as_ref())
            .map_err(|error| unsealed(&error))?;
        let created_at = old.map_or(now, |old| old.created_at);
        sealed.push(WebsiteRecord { id, user, label: site.label.clone(), document, created_at });
    }
    websites::replace(tx, user, &sealed).await?;
    Ok(())
}
