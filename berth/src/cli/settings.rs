//! `berth settings …`

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::change::ChangeArgs;
use crate::client::{Request, Session};
use crate::failure::Failure;
use crate::output::table;

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Show every setting
    Show,
    /// Change settings, each as NAME=VALUE; an empty value clears one
    Set(SetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Such as `mail.transport=smtp`; `mail.smtp_password=-` reads the password from standard input
    #[arg(required = true, value_name = "NAME=VALUE")]
    settings: Vec<String>,

    #[command(flatten)]
    change: ChangeArgs,
}

impl SettingsCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Show => {
                let answer: Value = session.fetch(Request::get(&["settings"])).await?;
                session.console.answer(&answer, || sheet(&answer));
                Ok(())
            }
            Self::Set(args) => {
                let request = Request::patch(&["settings"], body(&args.settings)?);
                if let Some(answer) = args.change.send(session, request).await? {
                    session.console.answer(&answer, || sheet(&answer));
                }
                Ok(())
            }
        }
    }
}

fn sheet(settings: &Value) -> String {
    let rows =
        settings.as_object().into_iter().flatten().map(|(name, value)| {
            [name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]
        });
    table(["SETTING", "VALUE"], rows)
}

fn body(settings: &[String]) -> Result<Value, Failure> {
    let mut body = Map::new();
    for setting in settings {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(Failure::usage(
                format!("`{setting}` is not NAME=VALUE"),
                "`berth settings show` shows every name",
            ));
        };
        body.insert(name.to_owned(), value_of(name, value)?);
    }
    Ok(Value::Object(body))
}

/// Switches and numbers are what they look like; everything else is text. A password is not an argument, since
/// everybody on the host could read it there.
fn value_of(name: &str, value: &str) -> Result<Value, Failure> {
    if name == "mail.smtp_password" && !value.is_empty() {
        if value != "-" {
            return Err(Failure::usage(
                "a password on the command line can be read by everybody on this host",
                "write mail.smtp_password=- and give it on standard input",
            ));
        }
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| Failure::local("read the password", error))?;
        return Ok(line.trim_end_matches(['\r', '\n']).into());
    }
    Ok(match value {
        "true" => true.into(),
        "false" => false.into(),
        _ => value.parse::<u64>().map_or_else(|_| value.into(), Value::from),
    })
}
