use berth_core::view::UserView;
use clap::Args;

use crate::cli::user::show::state_word;
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

    #[command(flatten)]
    page: PageArgs,
}

impl ListArgs {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = Request::get(&["users"])
            .query("search", self.search.as_ref())
            .query("role", self.role.as_ref())
            .query("package", self.package.as_ref());
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
                        cell(account.map(|account| state_word(account.state))),
                    ]
                }),
            )
        })
        .await
    }
}
