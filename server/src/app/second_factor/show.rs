use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::SecondFactorView;
use berth_store::{Tx, second_factors};

use super::is_required;
use crate::app::context::{App, Ctx};
use crate::app::problem::{Failure, retrying};
use crate::app::subject::Subject;

/// Shows whether a user has a second factor, and whether they must.
///
/// # Errors
/// `user_not_found`.
pub async fn show_second_factor(ctx: &Ctx, user: &UserRef) -> Result<SecondFactorView, Problems> {
    let subject = Subject::authorized(ctx, Action::SessionRead, user).await?;
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        view(&ctx.app, &mut tx, &subject).await
    })
}

pub(super) async fn view(app: &App, tx: &mut Tx, subject: &Subject) -> Result<SecondFactorView, Failure> {
    let (factor, required) = is_required(app, tx, subject.user.id, subject.user.role).await?;
    let codes_left = second_factors::count_codes(tx, subject.user.id).await?;
    Ok(SecondFactorView {
        user: subject.user.id,
        enabled: factor.is_on(),
        enabled_at: factor.confirmed_at.filter(|_| factor.is_on()),
        required,
        recovery_codes_left: codes_left,
    })
}
