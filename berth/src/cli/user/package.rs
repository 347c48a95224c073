use berth_core::view::UserView;
use clap::Args;
use serde_json::{Value, json};

use super::super::change::ChangeArgs;
use super::UserArg;
use super::show::user_sheet;
use crate::client::{Request, Session, WaitArgs, decode, follow_change};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct SetPackageArgs {
    #[command(flatten)]
    user: UserArg,

    /// The package that the account shall have
    package: String,

    /// Also if the account uses more than the package allows: nothing is taken away, but nothing can be added
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

impl SetPackageArgs {
    pub(in crate::cli) fn body(&self) -> Value {
        json!({"package": self.package, "force": self.force})
    }

    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let user = &self.user.user;
        let request = Request::put(&["users", user, "package"], self.body());
        let Some(answer) = self.change.send(session, request).await? else { return Ok(()) };
        let view: UserView = decode(&answer)?;
        session.console.answer(&answer, || user_sheet(&view));
        follow_change(session, user, &self.wait).await
    }
}
