use berth_core::Problems;
use berth_core::command::CreateApiKey;
use berth_core::id::{NodeId, PackageId, UserId};
use berth_core::mode::Mode;
use berth_core::name::{DisplayName, Email, Login, PackageName};
use berth_core::package::{EgressPolicy, Features, Limit, Limits, TimerMode};
use berth_core::password::Password;
use berth_core::policy::{Action, Scope};
use berth_core::role::{Actor, Role, UserRef};
use berth_core::user::Language;
use berth_core::{Fields, Parse, Problem};
use berth_store::packages::PackageRecord;
use berth_store::users::{PasswordHash, UserRecord};
use berth_store::{Tx, api_keys, nodes, packages, users};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::sync::Arc;

use super::audited::audit;
use super::context::{App, Ctx};
use super::create_api_key::create_api_key;
use super::problem::{Failure, retrying};
use super::set_password::{check_password, generate_password};

/// What `berth setup` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Address of the first administrator.
    pub admin_email: Email,
    /// Their password; generated if absent.
    pub admin_password: Option<Password>,
}

/// What `berth setup` has made. The secrets are in this answer and nowhere else; they are absent if they had
/// been made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupDone {
    /// What the first administrator signs in with.
    pub admin_login: String,
    /// Their password, if it was generated now.
    pub admin_password: Option<String>,
    /// A key for the API with every scope, if it was made now.
    pub api_key: Option<String>,
    /// Name of the node.
    pub node: String,
    /// Whether the first administrator was created now.
    pub created: bool,
}

/// Label of the key that setup makes.
const KEY_LABEL: &str = "setup";

/// Makes what a new installation needs: this host's node, the shipped packages, the first administrator and
/// their first key. Whatever is there stays as it is, so it can be run again after an interruption or an
/// upgrade.
///
/// # Errors
/// `password_invalid`, `email_taken`, `unavailable`.
pub async fn setup(app: &Arc<App>, command: Setup) -> Result<SetupDone, Problems> {
    let ctx = Ctx::new(Arc::clone(app), Actor::System, app.request_id());
    if let Some(password) = &command.admin_password {
        let about = [command.admin_email.to_string(), Login::first_admin().to_string()];
        check_password(app, password, &about).map_err(|problem| problem.at("admin_password"))?;
    }
    let there = retrying!(app, admin_exists(app))?;
    let generated = (!there && command.admin_password.is_none()).then(|| generate_password(app));
    let hash = match command.admin_password.as_ref().or(generated.as_ref()).filter(|_| !there) {
        Some(password) => Some(PasswordHash(app.hasher.hash(password, app.randomness.as_ref()).await?)),
        None => None,
    };
    let made = retrying!(app, store(&ctx, &command, hash.as_ref()))?;
    let api_key = if made.has_key { None } else { Some(first_key(&ctx, made.admin).await?) };
    app.notifier.signal();
    Ok(SetupDone {
        admin_login: Login::first_admin().to_string(),
        admin_password: generated.filter(|_| made.created).map(|password| password.expose().to_owned()),
        api_key,
        node: app.settings.node.clone(),
        created: made.created,
    })
}

/// What the transaction of a setup found or made.
struct Made {
    admin: UserId,
    created: bool,
    has_key: bool,
}

async fn admin_exists(app: &App) -> Result<bool, Failure> {
    let mut tx = app.store.read().await?;
    Ok(users::by_login(&mut tx, &Login::first_admin()).await?.is_some())
}

async fn store(ctx: &Ctx, command: &Setup, hash: Option<&PasswordHash>) -> Result<Made, Failure> {
    let app = &ctx.app;
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    let mut done = Vec::new();
    if nodes::by_name(&mut tx, &app.settings.node).await?.is_none() {
        nodes::ensure(&mut tx, NodeId::new(now, app.randomness.ten()), &app.settings.node, now).await?;
        done.push(format!("node {}", app.settings.node));
    }
    // Only into an empty list: a package that the operator has deleted does not come back.
    if packages::list(&mut tx).await?.is_empty() {
        for package in shipped_packages(app, now)? {
            packages::insert(&mut tx, &package).await?;
            done.push(format!("package {}", package.name));
        }
    }
    let (admin, created) = match users::by_login(&mut tx, &Login::first_admin()).await? {
        Some(admin) => (admin.id, false),
        None => (first_admin(ctx, &mut tx, command, hash).await?, true),
    };
    if created {
        done.push(format!("administrator {}", Login::first_admin()));
    }
    let has_key = api_keys::list(&mut tx, Some(admin)).await?.iter().any(|key| key.label == KEY_LABEL);
    if !done.is_empty() {
        let detail = json!({ "created": done, "admin_email": command.admin_email });
        audit(ctx, &mut tx, Action::SettingsEdit, "setup", Some(admin), detail).await?;
    }
    tx.commit().await?;
    Ok(Made { admin, created, has_key })
}

async fn first_admin(
    ctx: &Ctx,
    tx: &mut Tx,
    command: &Setup,
    hash: Option<&PasswordHash>,
) -> Result<UserId, Failure> {
    let now = ctx.app.clock.now();
    let user = UserRecord {
        id: UserId::new(now, ctx.app.randomness.ten()),
        login: Some(Login::first_admin()),
        email: command.admin_email.clone(),
        display_name: DisplayName::parse("Administrator")?,
        role: Role::Admin,
        phone: None,
        address: None,
        timezone: None,
        language: Language::default(),
        owner: None,
        password_set_at: hash.map(|_| now),
        created_at: now,
        version: 1,
        life: berth_core::standing::Life::default(),
    };
    users::insert(tx, &user, hash).await?;
    Ok(user.id)
}

async fn first_key(ctx: &Ctx, admin: UserId) -> Result<String, Problems> {
    let scopes: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let body = json!({ "label": KEY_LABEL, "scopes": scopes });
    let mut command = CreateApiKey::parse(Fields::from_value(body)?)?;
    command.user = Some(UserRef::Id(admin));
    let key = create_api_key(ctx, command, Mode::Apply).await?.done();
    key.map(|key| key.secret)
        .ok_or_else(|| Problem::new(berth_core::Code::Internal, "the first API key was not made").into())
}

/// The packages that an installation starts with; its operator edits them or adds others.
fn shipped_packages(app: &App, now: DateTime<Utc>) -> Result<[PackageRecord; 2], Problem> {
    let package = |name: &str, limits: Limits, features: Features| {
        Ok::<_, Problem>(PackageRecord {
            id: PackageId::new(now, app.randomness.ten()),
            name: PackageName::parse(name)?,
            limits,
            features,
            created_at: now,
            version: 1,
        })
    };
    let mut unlimited = Limits::default();
    for name in Limits::NAMES {
        unlimited.set(name, Limit::Unlimited);
    }
    Ok([
        // Lingering from the creation on, as the specification says; everything else by default.
        package(
            "standard",
            Limits::default(),
            Features { timers: TimerMode::Always, ..Features::default() },
        )?,
        package(
            "unlimited",
            // One account can't take every process or PHP worker of its neighbours.
            Limits { tasks: Limit::Max(2_000), php_children: Limit::Max(50), ..unlimited },
            Features { timers: TimerMode::OnDemand, egress: EgressPolicy::Open, ..Features::default() },
        )?,
    ])
}
