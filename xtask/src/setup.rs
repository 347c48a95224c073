//! From a booted node to a working panel with its first user.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::deb::Deb;
use crate::node::{Credentials, Node};
use crate::process::{Outcome, Program};
use crate::progress::{Step, already};

/// The first user's name.
pub(crate) const FIRST_USER: &str = "alice";

/// The first user's site.
pub(crate) const FIRST_DOMAIN: &str = "alicesite.com";

/// The arguments that create the first user.
pub(crate) const FIRST_USER_ARGUMENTS: [&str; 14] = [
    "user",
    "create",
    "--username",
    FIRST_USER,
    "--email",
    "alice@example.com",
    "--display-name",
    "Alice Smith",
    "--role",
    "user",
    "--package",
    "standard",
    "--primary-domain",
    FIRST_DOMAIN,
];

#[derive(Deserialize)]
struct SetupAnswer {
    panel_url: String,
    admin_login: String,
    admin_password: Option<String>,
    api_key: Option<String>,
}

#[derive(Deserialize)]
struct CreateAnswer {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct PasswordAnswer {
    password: String,
}

/// Installs the package if another one is installed; says whether it did.
pub(crate) fn install(node: &mut Node, deb: &Deb) -> Result<bool> {
    if node.instance().package.as_deref() == Some(&deb.fingerprint) {
        already("the package is installed");
        return Ok(false);
    }
    let step = Step::start("installing the package in the node");
    copy_and_install(node, deb)?;
    node.installed(&deb.fingerprint)?;
    step.done();
    Ok(true)
}

/// Copies the package into the node and installs it with apt, as an operator would.
pub(crate) fn copy_and_install(node: &Node, deb: &Deb) -> Result<()> {
    let inside = "/var/cache/apt/archives/berth.deb";
    let bytes = std::fs::read(&deb.path).with_context(|| format!("cannot read {}", deb.path.display()))?;
    node.write(inside, &bytes)?;
    node.program([
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "--quiet",
        "--yes",
        "--reinstall",
        "--allow-downgrades",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confold",
        inside,
    ])
    .output()
    .context("the package could not be installed in the node")?;
    Ok(())
}

/// Runs `berth setup` and gives what it answers, completed by what an earlier run answered.
pub(crate) fn set_up(node: &Node) -> Result<Credentials> {
    let step = Step::start("setting up");
    let hostname = node.instance().hostname();
    // The node's network is trusted: nobody else is on it.
    node.run(["sed", "-i", "s|^#plain = .*|plain = \"[::]:8080\"|", "/etc/berth/berth.toml"])?;
    let said = node.run([
        "berth",
        "setup",
        "--json",
        "--admin-email",
        "admin@example.com",
        "--hostname",
        &hostname,
    ])?;
    // The node's name is known to nobody but itself; the address works from the host.
    let url = format!("https://{}:8443/", node.address());
    let credentials = merge(&said, url, Credentials::load(node.instance())?)?;
    // The secrets are shown once. They are stored before anything else can go wrong.
    credentials.save(node.instance())?;
    step.done();
    Ok(credentials)
}

/// What a run of `berth setup` answered, together with what was stored before.
pub(crate) fn merge(said: &str, url: String, before: Option<Credentials>) -> Result<Credentials> {
    let answer: SetupAnswer =
        serde_json::from_str(said).with_context(|| format!("`berth setup --json` answered {said:?}"))?;
    let before = before.unwrap_or_default();
    let lost = "`berth setup` ran before, and what it answered then is not stored; \
                start over with --fresh";
    Ok(Credentials {
        panel_url: with_slash(if url.is_empty() { answer.panel_url } else { url }),
        admin_login: answer.admin_login,
        admin_password: answer.admin_password.or_else(|| some(before.admin_password)).context(lost)?,
        api_key: answer.api_key.or_else(|| some(before.api_key)).context(lost)?,
        username: before.username,
        password: before.password,
    })
}

/// Paths are appended to the panel's address.
fn with_slash(mut url: String) -> String {
    if !url.ends_with('/') {
        url.push('/');
    }
    url
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Creates the first user unless it exists.
pub(crate) fn first_user(credentials: &mut Credentials, berth: impl Fn(&[&str]) -> Program) -> Result<()> {
    let shown = berth(&["user", "show", FIRST_USER, "--json"]).outcome()?;
    if shown.code == 0 && !credentials.password.is_empty() {
        already(&format!("user {FIRST_USER} exists"));
        return Ok(());
    }
    if shown.code == 0 {
        // An earlier run was ended after the create and before the password was stored.
        let step = Step::start(format!("setting a new password for user {FIRST_USER}"));
        let said = berth(&["user", "set-password", FIRST_USER, "--json"]).output()?;
        let answer: PasswordAnswer = serde_json::from_str(&said)
            .with_context(|| format!("`berth user set-password` answered {said:?}"))?;
        FIRST_USER.clone_into(&mut credentials.username);
        credentials.password = answer.password;
        step.done();
        return Ok(());
    }
    let step = Step::start(format!("creating user {FIRST_USER}"));
    let mut arguments = FIRST_USER_ARGUMENTS.to_vec();
    arguments.extend(["--wait", "--json"]);
    let done = berth(&arguments).within(Duration::from_mins(2)).outcome()?;
    let answer = created(&done);
    if let Ok(answer) = &answer {
        credentials.username.clone_from(&answer.username);
        credentials.password.clone_from(&answer.password);
    }
    done.success()?;
    answer?;
    step.done();
    Ok(())
}

/// A user who was created but did not converge in time has a password all the same.
fn created(done: &Outcome) -> Result<CreateAnswer> {
    serde_json::from_str(&done.stdout)
        .with_context(|| format!("`berth user create` answered {:?}", done.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before() -> Credentials {
        Credentials {
            admin_password: "first".to_owned(),
            api_key: "key".to_owned(),
            username: "alice".to_owned(),
            password: "hers".to_owned(),
            ..Credentials::default()
        }
    }

    #[test]
    fn a_second_setup_keeps_what_was_shown_once() {
        let said = r#"{"panel_url": "https://panel:8443", "admin_login": "admin"}"#;
        let merged = merge(said, String::new(), Some(before())).unwrap();
        assert_eq!(merged.panel_url, "https://panel:8443/");
        assert_eq!(merged.admin_password, "first");
        assert_eq!(merged.api_key, "key");
        assert_eq!(merged.password, "hers");
    }

    #[test]
    fn new_secrets_replace_stored_ones() {
        let said = r#"{"panel_url": "https://panel:8443/", "admin_login": "admin",
            "admin_password": "second", "api_key": "other"}"#;
        let merged = merge(said, "https://10.0.0.2:8443/".to_owned(), Some(before())).unwrap();
        assert_eq!(merged.panel_url, "https://10.0.0.2:8443/");
        assert_eq!(merged.admin_password, "second");
        assert_eq!(merged.api_key, "other");
    }

    #[test]
    fn lost_secrets_are_an_error_that_says_what_to_do() {
        let said = r#"{"panel_url": "https://panel:8443/", "admin_login": "admin"}"#;
        let error = merge(said, String::new(), None).unwrap_err();
        assert!(error.to_string().contains("--fresh"), "{error}");
    }
}
