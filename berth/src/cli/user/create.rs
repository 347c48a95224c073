use std::io::Read;
use std::path::{Path, PathBuf};

use berth_core::view::CreatedUser;
use clap::Args;
use serde_json::{Value, json};

use super::super::change::{ChangeArgs, object};
use super::show::user_sheet;
use crate::client::{Request, Session, WaitArgs, decode, follow};
use crate::failure::Failure;
use crate::output::Console;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name of the account: Unix user, PHP pool and SFTP login
    #[arg(long)]
    username: Option<String>,

    /// Address to sign in with and to recover access
    #[arg(long)]
    email: Option<String>,

    /// Name in headers and messages
    #[arg(long)]
    display_name: Option<String>,

    /// admin, reseller or user
    #[arg(long)]
    role: Option<String>,

    /// Package with limits and features
    #[arg(long)]
    package: Option<String>,

    /// First domain
    #[arg(long)]
    primary_domain: Option<String>,

    #[command(flatten)]
    password: PasswordArgs,

    /// Leave file transfer switched off
    #[arg(long)]
    no_sftp: bool,

    /// Send no welcome message
    #[arg(long)]
    no_welcome_email: bool,

    /// File with a public key that opens file transfer; may be given several times
    #[arg(long = "ssh-key", value_name = "FILE")]
    ssh_keys: Vec<PathBuf>,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

/// Where a password comes from; it is generated if nothing is said.
#[derive(Debug, Clone, Args)]
pub(super) struct PasswordArgs {
    /// The password; other users of this host can see it while the command runs, so better use --password-stdin
    #[arg(long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    password: Option<String>,

    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordArgs {
    /// The password that was supplied.
    pub(super) fn read(&self) -> Result<Option<String>, Failure> {
        if self.password.is_some() {
            Console::note(
                "hint: a password on the command line is visible to every process of this host; \
                 use --password-stdin",
            );
            return Ok(self.password.clone());
        }
        if self.password_stdin { first_line(std::io::stdin().lock()).map(Some) } else { Ok(None) }
    }
}

/// Most of a password that is read; the server refuses shorter ones already.
const PASSWORD_MAX: u64 = 4096;

fn first_line(input: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    input.take(PASSWORD_MAX).read_to_string(&mut text).map_err(|error| {
        Failure::usage(format!("cannot read the password: {error}"), "write it as one line")
    })?;
    let line = text.split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::usage("standard input holds no password", "write it as one line"));
    }
    Ok(line.to_owned())
}

impl CreateArgs {
    /// The body of `POST /users`. What was not said is left out, so that the server names what is missing.
    pub(in crate::cli) fn body(&self, password: Option<String>, ssh_keys: &[String]) -> Value {
        object([
            ("username", self.username.clone().map(Value::from)),
            ("email", self.email.clone().map(Value::from)),
            ("display_name", self.display_name.clone().map(Value::from)),
            ("role", self.role.clone().map(Value::from)),
            ("package", self.package.clone().map(Value::from)),
            ("primary_domain", self.primary_domain.clone().map(Value::from)),
            ("password", password.map(Value::from)),
            ("sftp", self.no_sftp.then_some(json!(false))),
            ("welcome_email", self.no_welcome_email.then_some(json!(false))),
            ("ssh_keys", (!ssh_keys.is_empty()).then(|| json!(ssh_keys))),
        ])
    }

    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let password = self.password.read()?;
        let ssh_keys = self.ssh_keys.iter().map(|file| public_key(file)).collect::<Result<Vec<_>, _>>()?;
        let request = Request::post(&["users"], self.body(password, &ssh_keys));
        let Some(mut answer) = self.change.send(session, request).await? else { return Ok(()) };
        let created: CreatedUser = decode(&answer)?;
        if created.replayed {
            Console::note("this had been done before; nothing was created now");
        }
        // For people, the password is shown before anything can interrupt the waiting. A program gets one
        // document, in the end, also if waiting fails.
        if !session.console.is_json() {
            Console::line(&shown(&created));
        }
        if !self.wait.wait || created.user.account.is_none() {
            if session.console.is_json() {
                session.console.answer(&answer, String::new);
            }
            return Ok(());
        }
        let followed = follow(session, &created.user.id.to_string(), self.wait.limit()).await;
        if session.console.is_json() {
            if let Ok(Some(view)) = followed.as_ref().map(|followed| &followed.view)
                && let Some(object) = answer.as_object_mut()
            {
                object.insert("conditions".to_owned(), json!(view.conditions));
                if let Some(account) = object.get_mut("account").and_then(Value::as_object_mut) {
                    account.insert("state".to_owned(), json!(view.state));
                    account.insert("observed_generation".to_owned(), json!(view.observed_generation));
                }
            }
            session.console.answer(&answer, String::new);
        }
        followed.map_err(Failure::after_answer)?.result()
    }
}

/// A public key as its file holds it. What it is worth, the server decides.
pub(in crate::cli) fn public_key(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", file.display()), "name the file of a public key")
    })?;
    if text.contains("PRIVATE KEY") {
        return Err(Failure::usage(
            format!("{} is a private key, which must not leave its owner", file.display()),
            "name the public key, usually the file that ends in .pub",
        ));
    }
    Ok(text.trim().to_owned())
}

fn shown(created: &CreatedUser) -> String {
    let mut text = user_sheet(&created.user);
    if let Some(password) = &created.password {
        text = format!("{text}\n\npassword  {password}\nIt is shown this once.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        for (input, expected) in [
            ("secret\n", Some("secret")),
            ("secret", Some("secret")),
            ("se cret \r\nmore", Some("se cret ")),
            ("\n", None),
            ("", None),
        ] {
            assert_eq!(first_line(input.as_bytes()).ok().as_deref(), expected, "{input:?}");
        }
    }

    #[test]
    fn a_private_key_stays_here() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("id_ed25519");
        crate::files::replace(&file, b"-----BEGIN OPENSSH PRIVATE KEY-----\n", 0o600).unwrap();
        assert_eq!(public_key(&file).unwrap_err().exit as u8, 2);
        assert_eq!(public_key(&dir.path().join("absent")).unwrap_err().exit as u8, 2);
        let public = dir.path().join("id_ed25519.pub");
        crate::files::replace(&public, b"ssh-ed25519 AAAA me\n", 0o600).unwrap();
        assert_eq!(public_key(&public).unwrap(), "ssh-ed25519 AAAA me");
    }
}
