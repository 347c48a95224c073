//! The part of setting up that writes the database; runs as the user that the server runs as.

use std::path::Path;
use std::sync::Arc;

use berth_core::name::Email;
use berth_core::{Code, Parse, Problem};
use berth_server::app::{self, App, Settings};
use berth_server::clock::SystemClock;
use berth_server::config::Config;
use berth_server::random::SystemRandomness;
use berth_server::secret::{Cost, Hasher, Keyring};
use berth_store::Store;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// What the database part answers to the rest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    pub(super) admin_login: String,
    #[serde(default)]
    pub(super) admin_password: Option<String>,
    #[serde(default)]
    pub(super) api_key: Option<String>,
}

/// Makes the schema, the first node, the packages, the first administrator and the first key, as far as they
/// are not there.
pub(crate) async fn prepare(config_file: &Path, admin_email: &str) -> Result<Prepared, Failure> {
    let config =
        Config::load(config_file).map_err(|error| Failure::usage(error.to_string(), "mend the file"))?;
    let admin_email = Email::parse(admin_email).map_err(|problem| problem.at("admin_email"))?;
    let failed = |error: &dyn std::error::Error| database_failure(error);
    let store = Store::open(&config.database.url).await.map_err(|error| failed(&error))?;
    store.migrate().await.map_err(|error| failed(&error))?;
    let randomness = SystemRandomness::new()
        .map_err(|error| Failure::local("the system has no randomness to give", error))?;
    let keyring = Keyring::load(&config.keyring).map_err(|error| Failure::local("the keyring", error))?;
    let hasher = Hasher::for_this_machine(Cost::default())
        .map_err(|error| Failure::local("the hashing of passwords", error))?;
    let settings = Settings { node: config.node.resolve(), ..Settings::default() };
    let app =
        Arc::new(App::new(store, Arc::new(SystemClock), Arc::new(randomness), hasher, keyring, settings));
    let done = app::setup(&app, app::Setup { admin_email, admin_password: None }).await?;
    app.store.close().await;
    Ok(Prepared { admin_login: done.admin_login, admin_password: done.admin_password, api_key: done.api_key })
}

fn database_failure(error: &dyn std::error::Error) -> Failure {
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    Problem::new(Code::Internal, detail).hint("look at `database.url` in the configuration").into()
}
