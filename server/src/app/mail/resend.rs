use berth_core::id::MailId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, MailView};
use berth_core::{Code, Problem, Problems};
use berth_store::mails;
use serde_json::json;

use super::deliver::no_mail;
use super::list::mail_view;
use super::queue::{Addressee, queue};
use crate::app::audited::audit;
use crate::app::context::Ctx;
use crate::app::outcome::{Outcome, one_change};
use crate::app::problem::{Failure, retrying};
use crate::app::subject::Subject;

/// Sends a mail to a user once more, to the address that they have now.
///
/// # Errors
/// `user_not_found`, `mail_not_found`.
pub async fn resend_mail(
    ctx: &Ctx,
    user: &UserRef,
    id: MailId,
    mode: Mode,
) -> Result<Outcome<MailView>, Problems> {
    let subject = Subject::authorized(ctx, Action::MailResend, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, id, mode))
}

async fn attempt(ctx: &Ctx, subject: &Subject, id: MailId, mode: Mode) -> Result<Outcome<MailView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let found = mails::by_id(&mut tx, id).await?.filter(|mail| mail.user == Some(subject.user.id));
    let Some(old) = found else { return Err(no_mail().into()) };
    let plan = || one_change(ChangeKind::Create, "mail", old.kind.as_str(), Some(old.address.to_string()));
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let new = MailId::new(ctx.app.clock.now(), ctx.app.randomness.ten());
    queue(&ctx.app, &mut tx, new, old.kind, Addressee::from(&subject.user), old.detail).await?;
    let detail = json!({ "mail": new, "kind": old.kind });
    audit(ctx, &mut tx, Action::MailResend, subject.name(), Some(subject.user.id), detail).await?;
    let Some(mail) = mails::by_id(&mut tx, new).await? else {
        return Err(Problem::new(Code::Internal, "the mail is not there").into());
    };
    tx.commit().await?;
    Ok(Outcome::Done(mail_view(&ctx.app, mail)))
}
