//! The installation's settings: shown, and changed while Berth runs.

use berth_core::command::EditSettings;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::settings::Installation;
use berth_core::view::{ChangeKind, PlanView, SettingsView};
use berth_core::{Code, Problem, Problems};
use berth_store::{Tx, packages, settings};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::{App, Ctx};
use super::known::no_package;
use super::load_settings::{KEY, stored};
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};

/// Under which key the sealed password of the relay is stored; also its place for the keyring.
const RELAY_PASSWORD: &str = "mail.smtp_password";

/// Shows the settings. The relay's password is not among them.
///
/// # Errors
/// `forbidden`.
pub async fn show_settings(ctx: &Ctx) -> Result<SettingsView, Problems> {
    authorize(ctx, Action::SettingsRead, &Target::installation("settings")).await?;
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let installation = stored(&mut tx).await?;
        view(&mut tx, installation).await
    })
}

/// Changes settings. They hold in this process at once, and in others within seconds.
///
/// # Errors
/// `forbidden`, `package_not_found` at `general.default_package`.
pub async fn edit_settings(
    ctx: &Ctx,
    command: EditSettings,
    mode: Mode,
) -> Result<Outcome<SettingsView>, Problems> {
    authorize(ctx, Action::SettingsEdit, &Target::installation("settings")).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &command, mode))?;
    if let Outcome::Done(view) = &outcome {
        ctx.app.install(view.installation.clone());
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, command: &EditSettings, mode: Mode) -> Result<Outcome<SettingsView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let old = stored(&mut tx).await?;
    let new = command.apply(old.clone());
    if let Some(name) = &new.default_package
        && old.default_package != new.default_package
        && packages::by_name(&mut tx, name).await?.is_none()
    {
        return Err(no_package(name).at("general.default_package").into());
    }
    let mut changes = differences(&old, &new);
    if command.smtp_password.is_some() {
        changes.insert(RELAY_PASSWORD.to_owned(), json!("replaced"));
    }
    if let Some(answer) = Outcome::of_dry_run(mode, || plan(&changes)) {
        return Ok(answer);
    }
    settings::set(&mut tx, KEY, &new).await?;
    match &command.smtp_password {
        None => {}
        Some(None) => {
            settings::unset(&mut tx, RELAY_PASSWORD).await?;
        }
        Some(Some(password)) => {
            let sealed = ctx
                .app
                .keyring
                .seal(password.expose().as_bytes(), RELAY_PASSWORD, ctx.app.randomness.as_ref())
                .map_err(|error| unusable(&error))?;
            settings::set(&mut tx, RELAY_PASSWORD, &sealed).await?;
        }
    }
    if !changes.is_empty() {
        audit(ctx, &mut tx, Action::SettingsEdit, "settings", None, Value::Object(changes)).await?;
    }
    let view = view(&mut tx, new).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}

async fn view(tx: &mut Tx, installation: Installation) -> Result<SettingsView, Failure> {
    let smtp_password_set = settings::get::<String>(tx, RELAY_PASSWORD).await?.is_some();
    let mail_obstacle = installation.mail_obstacle().map(str::to_owned);
    Ok(SettingsView { installation, smtp_password_set, mail_obstacle })
}

/// The relay's password, opened.
pub(super) async fn relay_password(app: &App) -> Result<Option<Zeroizing<String>>, Failure> {
    let mut tx = app.store.read().await?;
    let Some(sealed) = settings::get::<String>(&mut tx, RELAY_PASSWORD).await? else { return Ok(None) };
    let bytes = app.keyring.open(&sealed, RELAY_PASSWORD).map_err(|error| unusable(&error))?;
    Ok(Some(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
}

fn unusable(error: &crate::secret::KeyringError) -> Problem {
    tracing::error!(error = error as &dyn std::error::Error, "the relay's password can't be used");
    Problem::new(Code::Internal, "the relay's password can't be used")
}

fn differences(old: &Installation, new: &Installation) -> Map<String, Value> {
    let as_map = |settings: &Installation| match serde_json::to_value(settings) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let (old, new) = (as_map(old), as_map(new));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| (name.clone(), json!({ "old": old.get(name), "new": new.get(name) })))
        .collect()
}

fn plan(changes: &Map<String, Value>) -> PlanView {
    let step = |(name, change): (&String, &Value)| {
        planned(ChangeKind::Change, "setting", name.clone(), Some(change.to_string()))
    };
    PlanView { changes: changes.iter().map(step).collect(), limits: None }
}
