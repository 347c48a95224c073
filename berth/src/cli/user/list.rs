use berth_core::standing::UserState;
use berth_core::view::UserView;
use clap::Args;

use crate::cli::user::show::{life_word, state_word};
use crate::client::{Request, Session};
use crate::failure::Failure;
use crate::output::{cell, table};

use crate::cli::pages::{self, PageArgs};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Part of a username, email address, name or domain
    #[arg(long)]
    search: Option<String>,

    /// Only users with this role
    #[arg(long)]
    role: Option<String>,

    /// Only users with this package
    #[arg(long)]
    package: Option<String>,

    /// Only users in this state: active, suspended, trashed or purging
    #[arg(long)]
    state: Option<String>,

    /// Only users who are suspended for this reason
    #[arg(long, value_name = "REASON")]
    suspended: Option<String>,

    #[command(flatten)]
    page: PageArgs,
}

impl ListArgs {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = Request::get(&["users"])
            .query("search", self.search.as_ref())
            .query("role", self.role.as_ref())
            .query("package", self.package.as_ref())
            .query("state", self.state.as_ref())
            .query("suspended", self.suspended.as_ref());
        pages::show::<UserView>(session, request, &self.page, |users| {
            table(
                ["USERNAME", "EMAIL", "ROLE", "PACKAGE", "DOMAIN", "STATE"],
                users.iter().map(|user| {
                    let account = user.account.as_ref();
                    [
                        cell(user.username.as_ref()),
                        user.email.to_string(),
                        user.role.to_string(),
                        cell(account.map(|account| &account.package)),
                        cell(account.map(|account| &account.primary_domain)),
                        list_word(user),
                    ]
                }),
            )
        })
        .await
    }
}

/// What has become of a user; of whom nothing has, how far the node is.
fn list_word(user: &UserView) -> String {
    match (user.state, &user.account) {
        (UserState::Active, account) => cell(account.as_ref().map(|account| state_word(account.state))),
        (_, _) => life_word(user),
    }
}
