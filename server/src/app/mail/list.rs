use berth_core::Problems;
use berth_core::mail::MailState;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::MailView;
use berth_store::mails;
use berth_store::mails::MailRecord;

use crate::app::context::{App, Ctx};
use crate::app::problem::retrying;
use crate::app::subject::Subject;

/// Mails that a list shows.
const LISTED: u32 = 50;

/// Lists the latest mails to a user with what became of them, newest first.
///
/// # Errors
/// `user_not_found`.
pub async fn list_mails(ctx: &Ctx, user: &UserRef) -> Result<Vec<MailView>, Problems> {
    let subject = Subject::authorized(ctx, Action::MailRead, user).await?;
    let all = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        Ok(mails::of_user(&mut tx, subject.user.id, LISTED).await?)
    })?;
    Ok(all.into_iter().map(|mail| mail_view(&ctx.app, mail)).collect())
}

pub(super) fn mail_view(app: &App, mail: MailRecord) -> MailView {
    let waits = mail.state == MailState::Waiting;
    let obstacle = app.installation().mail_obstacle().filter(|_| waits).map(str::to_owned);
    MailView {
        id: mail.id,
        kind: mail.kind,
        address: mail.address,
        state: mail.state,
        problem: mail.problem.or(obstacle),
        created_at: mail.created_at,
        done_at: mail.done_at,
    }
}
