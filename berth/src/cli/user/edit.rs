use berth_core::view::UserView;
use clap::Args;
use serde_json::Value;

use super::super::change::{ChangeArgs, object};
use super::UserArg;
use super::show::user_sheet;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    #[command(flatten)]
    user: UserArg,

    /// New name
    #[arg(long)]
    display_name: Option<String>,

    /// New address
    #[arg(long)]
    email: Option<String>,

    /// New telephone number; empty takes it away
    #[arg(long)]
    phone: Option<String>,

    /// New postal address; empty takes it away
    #[arg(long)]
    address: Option<String>,

    /// New time zone, such as Europe/Berlin; empty takes it away
    #[arg(long)]
    timezone: Option<String>,

    /// New language: en or de
    #[arg(long)]
    language: Option<String>,

    /// Only if the user still has this version, as `berth user show` gives it
    #[arg(long, value_name = "VERSION")]
    if_version: Option<i64>,

    #[command(flatten)]
    change: ChangeArgs,
}

impl EditArgs {
    pub(in crate::cli) fn body(&self) -> Value {
        object([
            ("display_name", self.display_name.clone().map(Value::from)),
            ("email", self.email.clone().map(Value::from)),
            ("phone", self.phone.clone().map(Value::from)),
            ("address", self.address.clone().map(Value::from)),
            ("timezone", self.timezone.clone().map(Value::from)),
            ("language", self.language.clone().map(Value::from)),
        ])
    }

    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let version = self.if_version.map(|version| format!("\"{version}\""));
        let request = Request::patch(&["users", &self.user.user], self.body()).header("If-Match", version);
        if let Some(answer) = self.change.send(session, request).await? {
            let user: UserView = decode(&answer)?;
            session.console.answer(&answer, || user_sheet(&user));
        }
        Ok(())
    }
}
