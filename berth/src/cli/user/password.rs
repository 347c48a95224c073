use berth_core::view::PasswordSet;
use clap::Args;
use serde_json::Value;

use super::super::change::{ChangeArgs, object};
use super::UserArg;
use super::create::PasswordArgs;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct SetPasswordArgs {
    #[command(flatten)]
    user: UserArg,

    #[command(flatten)]
    password: PasswordArgs,

    #[command(flatten)]
    change: ChangeArgs,
}

impl SetPasswordArgs {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let password = self.password.read()?;
        let body = object([("password", password.map(Value::from))]);
        let request = Request::put(&["users", &self.user.user, "password"], body);
        if let Some(answer) = self.change.send(session, request).await? {
            let set: PasswordSet = decode(&answer)?;
            session.console.answer(&answer, || match &set.password {
                Some(password) => format!("password  {password}\nIt is shown this once."),
                None => "the password is set".to_owned(),
            });
        }
        Ok(())
    }
}
