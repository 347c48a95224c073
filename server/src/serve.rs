//! The process: from the configuration to running listeners, and down again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use berth_store::{Store, events, idempotency};
use chrono::TimeDelta;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::app::{self, App, Settings};
use crate::clock::SystemClock;
use crate::config::{Config, Listen};
use crate::listen::{Admission, Certificate, Panel, Plain, Shutdown, UnixSocket};
use crate::random::SystemRandomness;
use crate::rest::Rest;
use crate::secret::{Cost, Hasher, Keyring};
use crate::{task, telemetry};

/// How long requests that are under way may take to end.
const GRACE: Duration = Duration::from_secs(15);

/// How often idle counters are freed and figures are tidied.
const TIDY_EVERY: Duration = Duration::from_secs(30);

/// How often old answers to idempotency keys and old events are forgotten.
const EXPIRE_EVERY: Duration = Duration::from_hours(1);

/// For how long an answer to an idempotency key is kept.
const IDEMPOTENCY_DAYS: i64 = 1;

/// Serves until the process is told to end (SIGTERM or SIGINT), and then ends in order.
///
/// # Errors
/// Something that the server needs is missing or in the way; nothing is served then.
pub async fn serve(config: Config) -> Result<()> {
    telemetry::init();
    let metrics = telemetry::metrics().context("cannot start counting")?;
    // Whoever installed a provider first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;

    let app = Arc::new(open(&config).await?);
    let (stop, shutdown) = Shutdown::channel();
    let rest = Rest::new(Arc::clone(&app), &config.rate, shutdown.clone(), metrics);
    let certificate = Arc::new(Certificate::load(config.tls.clone())?);
    let panel = Panel::bind(&config.listen, Arc::clone(&certificate)).await?;
    let installatron = match config.installatron.listen {
        Some(address) => {
            let listen = Listen { panel: address, ..config.listen.clone() };
            Some(Panel::bind(&listen, Arc::clone(&certificate)).await?)
        }
        None => None,
    };
    let plain = match config.listen.plain {
        Some(address) => Some(Plain::bind(address, &config.listen).await?),
        None => None,
    };
    let operator = UnixSocket::bind(&config.listen.operator, Admission::Everybody)?;
    let agent = UnixSocket::bind(&config.listen.agent, Admission::RootAndSelf)?;

    let address = panel.address().unwrap_or(config.listen.panel);

    let mut background = JoinSet::new();
    background.spawn(certificate.follow());
    background.spawn(tidy(rest.clone()));
    background.spawn(expire(Arc::clone(&app)));
    background.spawn(task::ownership(Arc::clone(&app)));
    background.spawn(task::life(Arc::clone(&app)));
    background.spawn(task::events(Arc::clone(&app)));
    background.spawn(task::mail(Arc::clone(&app)));
    background.spawn(task::certificates(Arc::clone(&app)));
    let mut listeners = JoinSet::new();
    listeners.spawn(panel.serve(rest.router(), shutdown.clone()));
    if let Some(port) = installatron {
        listeners.spawn(port.serve(rest.installatron_router(), shutdown.clone()));
    }
    if let Some(plain) = plain {
        tracing::warn!(address = %plain.address(), "the dialects are also served without TLS");
        listeners.spawn(plain.serve(rest.plain_router(), shutdown.clone()));
    }
    listeners.spawn(operator.serve(rest.router(), shutdown.clone()));
    listeners.spawn(agent.serve(rest.agent_router(), shutdown));
    tell_systemd(&NotifyState::Ready);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        panel = %address,
        operator = %config.listen.operator.display(),
        agent = %config.listen.agent.display(),
        database = app.store.engine().as_str(),
        "serving"
    );

    let ended_early = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        ended = listeners.join_next() => ended,
    };
    tell_systemd(&NotifyState::Stopping);
    tracing::info!("ending");
    let _ = stop.send(true);
    let finished = async { while listeners.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        tracing::warn!(seconds = GRACE.as_secs(), "requests were still under way and are cut off");
    }
    background.shutdown().await;
    if tokio::time::timeout(GRACE, app.store.close()).await.is_err() {
        tracing::warn!("the database was still in use");
    }
    match ended_early {
        None => Ok(()),
        Some(Ok(())) => Err(anyhow::anyhow!("a listener ended by itself")),
        Some(Err(error)) => Err(error).context("a listener failed"),
    }
}

/// Opens what the verbs work with.
async fn open(config: &Config) -> Result<App> {
    let keyring = Keyring::load(&config.keyring).with_context(|| {
        format!("cannot use the keyring {} (`berth setup` makes one)", config.keyring.display())
    })?;
    let randomness = SystemRandomness::new().context("the operating system has no randomness")?;
    let hasher = Hasher::for_this_machine(Cost::default()).context("cannot prepare password hashing")?;
    let store = Store::open(&config.database.url).await.context("cannot open the database")?;
    store.migrate().await.context("cannot bring the database up to date")?;
    let settings = Settings {
        node: config.node.resolve(),
        acme: config.acme.clone(),
        installatron: config.installatron.clone(),
        panel_url: config.panel.url.clone(),
        webhooks: config.webhooks.clone(),
        web_user_password_max: config.plesk.web_user_password_max,
        plesk_any_order: config.plesk.any_order,
        ..Settings::default()
    };
    let app = App::new(store, Arc::new(SystemClock), Arc::new(randomness), hasher, keyring, settings);
    app::load_settings(&app).await.context("cannot read the settings")?;
    Ok(app)
}

async fn tidy(rest: Rest) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        rest.forget_idle();
    }
}

async fn expire(app: Arc<App>) {
    loop {
        tokio::time::sleep(EXPIRE_EVERY).await;
        if let Err(error) = expire_once(&app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "old answers to idempotency keys and old events could not be forgotten; the next hour tries again"
            );
        }
    }
}

async fn expire_once(app: &App) -> berth_store::Result<()> {
    let before = app.clock.now() - TimeDelta::days(IDEMPOTENCY_DAYS);
    let mut tx = app.store.begin().await?;
    idempotency::expire(&mut tx, before).await?;
    events::forget(&mut tx, app.clock.now()).await?;
    tx.commit().await
}

/// Without a service manager there is nobody to tell, which is fine.
fn tell_systemd(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
