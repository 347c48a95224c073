use berth_core::name::Login;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::website::ExternalUserView;
use berth_core::{Code, Problem, Problems};

use super::context::Ctx;
use super::external_view::external_view;
use super::problem::retrying;
use super::subject::Subject;

/// A user with their websites and what is secret in these.
///
/// # Errors
/// `user_not_found`, also for one whom the API was told to forget.
pub async fn show_external_user(ctx: &Ctx, login: &Login) -> Result<ExternalUserView, Problems> {
    let subject = Subject::authorized(ctx, Action::WebsiteRead, &UserRef::Login(login.clone())).await?;
    let view = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let subject = subject.again(&mut tx).await?;
        external_view(&ctx.app, &mut tx, subject.user).await
    })?;
    view.ok_or_else(|| Problem::new(Code::UserNotFound, format!("there is no user `{login}`")).into())
}
