//! Setting up a real host, as root.

use std::path::Path;
use std::process::Stdio;

use berth_core::name::Email;
use berth_core::{Code, Parse, Problem};
use berth_server::clock::SystemClock;
use berth_server::config::{self, Config};
use berth_server::random::SystemRandomness;
use berth_server::secret::Keyring;

use super::database::Prepared;
use super::{Answer, Wish, address, certificate, configuration, hostname, services};
use crate::failure::{Document, Failure};
use crate::files::{self, Accounts, Owner};
use crate::output::Console;
use crate::process;

/// The user that the server runs as.
pub(crate) const SERVICE_USER: &str = "berth";

/// Sets up this host and starts the services. The secrets are printed as soon as they exist, so that nothing
/// that fails later can lose them.
pub(crate) fn host(config_file: &Path, wish: &Wish, console: Console) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(Problem::new(Code::Forbidden, "setting up takes root")
            .hint("run it as root, such as with sudo")
            .into());
    }
    let owner = service_user()?;
    let name = hostname(wish)?;
    let port = Config::load(config_file).map_or(8443, |config| config.listen.panel.port());
    let url = format!("https://{name}:{port}");
    let wanted = wish.hostname.is_some().then_some(url.as_str());
    let node = config::Node::default().resolve();
    let mut changed = configuration::ensure(config_file, Some(owner.gid), wanted, &url, &node)?;
    let config =
        Config::load(config_file).map_err(|error| Failure::usage(error.to_string(), "mend the file"))?;
    // Tables and keys of the server lie in directories that only the server may enter.
    for file in [&config.tls.certificate, &config.tls.key] {
        let dir = file.parent().unwrap_or(Path::new("/"));
        if !dir.exists() {
            files::directory(dir, 0o700, Some(owner))
                .map_err(|error| Failure::local(format!("cannot make {}", dir.display()), error))?;
        }
    }
    ensure_keyring(&config.keyring, Some(owner))?;
    changed |= certificate::ensure(
        &config.tls.certificate,
        &config.tls.key,
        Some(owner),
        &name,
        &address::own(),
        &SystemClock,
    )?;
    let email = admin_email(wish, &name);
    let prepared = prepare_as(owner, config_file, &email)?;
    if prepared.admin_password.is_some() && wish.admin_email.is_none() {
        Console::note(format!(
            "the first administrator has the address {email}; change it with: berth user edit {} --email …",
            prepared.admin_login
        ));
    }
    let panel_url = config.panel.url.clone().unwrap_or(url);
    let answer = Answer {
        panel_url: format!("{}/", panel_url.trim_end_matches('/')),
        admin_login: prepared.admin_login,
        admin_password: prepared.admin_password,
        api_key: prepared.api_key,
    };
    console.answer(&answer, || answer.shown());
    services::start(&config, changed, console).map_err(Failure::after_answer)
}

/// The server's user, which the package makes.
pub(crate) fn service_user() -> Result<Owner, Failure> {
    let accounts =
        Accounts::load().map_err(|error| Failure::local("cannot read the account files", error))?;
    accounts.user(SERVICE_USER).ok_or_else(|| {
        Problem::new(Code::Unavailable, format!("this host has no user `{SERVICE_USER}`"))
            .hint("install the Debian package, which makes it")
            .into()
    })
}

pub(super) fn ensure_keyring(path: &Path, owner: Option<Owner>) -> Result<(), Failure> {
    let randomness = SystemRandomness::new()
        .map_err(|error| Failure::local("the system has no randomness to give", error))?;
    let owner = owner.map(|owner| (owner.uid, owner.gid));
    Keyring::load_or_create(path, owner, &randomness)
        .map(|_| ())
        .map_err(|error| Failure::local("the keyring", error))
}

/// The first administrator's address. One can't be guessed, so without a word it is one that nobody has.
pub(super) fn admin_email(wish: &Wish, hostname: &str) -> String {
    wish.admin_email.clone().unwrap_or_else(|| {
        let guess = format!("admin@{hostname}");
        if Email::parse(&guess).is_ok() { guess } else { format!("{guess}.invalid") }
    })
}

/// Has the database prepared by a process that is the server's user from its first instruction on, so that no
/// file of the database ever belongs to root.
fn prepare_as(owner: Owner, config_file: &Path, admin_email: &str) -> Result<Prepared, Failure> {
    let config_file = config_file.to_string_lossy();
    let arguments = ["--json", "--config", &config_file, "internal", "prepare", "--admin-email", admin_email];
    let output = process::run_self_as(owner, &arguments, Stdio::null(), Stdio::piped())
        .map_err(|error| Failure::local("cannot start the part that writes the database", error))?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::local("the part that writes the database", error));
    }
    match serde_json::from_slice::<Document>(&output.stdout) {
        Ok(document) => Err(Failure::told(document)),
        Err(_) => Err(Failure::local("the part that writes the database failed", output.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_the_address_is_one_that_can_be_stored() {
        let wish = Wish { admin_email: None, hostname: None };
        for (hostname, expected) in
            [("panel.example.com", "admin@panel.example.com"), ("web1", "admin@web1.invalid")]
        {
            let email = admin_email(&wish, hostname);
            assert_eq!(email, expected);
            assert!(Email::parse(&email).is_ok());
        }
    }
}
