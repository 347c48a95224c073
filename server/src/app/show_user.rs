use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::UserView;

use super::context::Ctx;
use super::subject::Subject;
use super::view::user_view;

/// Shows one user with their account.
///
/// # Errors
/// `user_not_found`, also for somebody else's user.
pub async fn show_user(ctx: &Ctx, user: &UserRef) -> Result<UserView, Problems> {
    let subject = Subject::authorized(ctx, Action::UserRead, user).await?;
    Ok(user_view(subject.user, subject.account)?)
}
