use std::time::Duration;

use berth_core::id::MailId;
use berth_core::mail::{LinkKind, MailKind, MailState};
use berth_core::{Code, Problem, Problems};
use berth_store::links::LinkRecord;
use berth_store::mails::MailRecord;
use berth_store::outbox::{self, Message as Queued};
use berth_store::{Tx, invitations, links, mails, users};
use chrono::TimeDelta;

use super::TOPIC;
use crate::app::context::App;
use crate::app::link::{self, invitation_address, link_address, panel};
use crate::app::problem::{Failure, retrying};
use crate::app::settings::relay_password;
use crate::mail::{Message, Words, compose};

/// Mails that are taken at once.
const BATCH: u32 = 10;

/// For how long nobody else takes them.
const CLAIM: TimeDelta = TimeDelta::minutes(10);

/// After how many attempts a mail is given up; that is about three days.
const ATTEMPTS: u64 = 16;

/// Sends what is due, and says how many mails that were. While mail is not configured, it waits.
///
/// # Errors
/// Only if the database fails; what becomes of a mail is written down with it.
pub async fn deliver_mails(app: &App) -> Result<usize, Problems> {
    if app.installation().mail_obstacle().is_some() {
        return Ok(0);
    }
    let now = app.clock.now();
    let claimed = retrying!(app, async {
        let mut tx = app.store.begin().await?;
        let claimed = outbox::claim(&mut tx, TOPIC, now, now + CLAIM, BATCH).await?;
        tx.commit().await?;
        Ok(claimed)
    })?;
    for queued in &claimed {
        let outcome = match retrying!(app, prepare(app, queued))? {
            Prepared::Send(message) => send(app, &message).await?,
            Prepared::Drop(why) => Outcome::Failed(why.to_owned()),
            Prepared::Gone => Outcome::Sent,
        };
        retrying!(app, settle(app, queued, &outcome))?;
    }
    Ok(claimed.len())
}

enum Prepared {
    Send(Message),
    Drop(&'static str),
    Gone,
}

enum Outcome {
    Sent,
    Later(String),
    Failed(String),
}

async fn prepare(app: &App, queued: &Queued) -> Result<Prepared, Failure> {
    let mut tx = app.store.begin().await?;
    let Some(mail) = mails::by_id(&mut tx, MailId(queued.id)).await? else { return Ok(Prepared::Gone) };
    let Some(words) = words(app, &mut tx, &mail).await? else {
        return Ok(Prepared::Drop("what the mail is about is over"));
    };
    tx.commit().await?;
    let composed = compose(mail.kind, mail.language, &words);
    Ok(Prepared::Send(Message {
        id: mail.id.to_string(),
        to: mail.address.to_string(),
        subject: composed.subject,
        text: composed.text,
        html: composed.html,
    }))
}

/// What the mail names; `None` if its reason is gone.
async fn words(app: &App, tx: &mut Tx, mail: &MailRecord) -> Result<Option<Words>, Failure> {
    let settings = app.installation();
    let support = settings.support_url.as_ref().map(ToString::to_string);
    let named =
        |key: &str| mail.detail.get(key).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
    let mut words = Words {
        name: mail.address.to_string(),
        panel: panel(app),
        sender: settings.mail_from_name.to_string(),
        support: support.or_else(|| settings.support_email.as_ref().map(ToString::to_string)),
        email: named("email"),
        inviter: named("inviter"),
        ..Words::default()
    };
    if let Some(id) = mail.user {
        let Some(user) = users::by_id(tx, id).await? else { return Ok(None) };
        words.name = user.display_name.to_string();
        words.username = user.login.map_or_else(|| user.email.to_string(), |login| login.to_string());
        let kind = match mail.kind {
            MailKind::Welcome => Some(LinkKind::SetPassword),
            MailKind::Recovery => Some(LinkKind::Recovery),
            MailKind::EmailChangeOld => Some(LinkKind::EmailOld),
            MailKind::EmailChangeNew => Some(LinkKind::EmailNew),
            _ => None,
        };
        if mail.kind == MailKind::Welcome {
            words.password = app.welcome_password(mail.id);
        }
        if let Some(kind) = kind.filter(|_| words.password.is_none()) {
            let Some(link) = current(app, tx, mail, kind).await? else { return Ok(None) };
            words.link = Some((link_address(app, &link)?, link.expires_at.format("%F %R").to_string()));
        }
    }
    if let Some(id) = mail.invitation {
        let open = invitations::by_id(tx, id).await?.filter(|invitation| {
            invitation.accepted_at.is_none()
                && invitation.revoked_at.is_none()
                && invitation.expires_at > app.clock.now()
        });
        let Some(open) = open else { return Ok(None) };
        let address = invitation_address(app, open.id, open.generation)?;
        words.link = Some((address, open.expires_at.format("%F %R").to_string()));
    }
    Ok(Some(words))
}

/// The link that a mail brings. One to set the first password is made when the mail leaves, so that it is as long
/// good as the mail says; the others were made by whoever asked.
async fn current(
    app: &App,
    tx: &mut Tx,
    mail: &MailRecord,
    kind: LinkKind,
) -> Result<Option<LinkRecord>, Failure> {
    let Some(user) = mail.user else { return Ok(None) };
    let now = app.clock.now();
    let known = links::of_user(tx, user, kind).await?.filter(|link| link.expires_at > now);
    match known {
        Some(link) => {
            // After a rotation of the keyring the token is another one; the row has to say so.
            let token = link::link_token(app, link.id)?;
            links::put(tx, &link, &link::sha256(&token)).await?;
            Ok(Some(link))
        }
        None if kind == LinkKind::SetPassword => link::make(app, tx, user, kind).await.map(Some),
        None => Ok(None),
    }
}

async fn send(app: &App, message: &Message) -> Result<Outcome, Problems> {
    let settings = app.installation();
    let password = retrying!(app, relay_password(app))?;
    let password = password.as_ref().map(|password| password.as_str());
    Ok(match app.mailer.send(&settings, password, message).await {
        Ok(()) => Outcome::Sent,
        Err(error) if error.permanent => Outcome::Failed(error.what),
        Err(error) => Outcome::Later(error.what),
    })
}

async fn settle(app: &App, queued: &Queued, outcome: &Outcome) -> Result<(), Failure> {
    let now = app.clock.now();
    let id = MailId(queued.id);
    let mut tx = app.store.begin().await?;
    match outcome {
        Outcome::Sent => {
            mails::set_state(&mut tx, id, MailState::Sent, None, Some(now)).await?;
            outbox::finish(&mut tx, queued.id).await?;
        }
        Outcome::Later(why) if queued.attempts < ATTEMPTS => {
            mails::set_state(&mut tx, id, MailState::Waiting, Some(why), None).await?;
            outbox::retry(&mut tx, queued.id, now + backoff(queued.attempts), why).await?;
        }
        Outcome::Later(why) | Outcome::Failed(why) => {
            mails::set_state(&mut tx, id, MailState::Failed, Some(why), Some(now)).await?;
            outbox::finish(&mut tx, queued.id).await?;
        }
    }
    tx.commit().await?;
    if !matches!(outcome, Outcome::Later(_)) {
        app.forget_welcome_password(id);
    }
    Ok(())
}

/// Half a minute, then twice as long each time, up to six hours.
fn backoff(attempts: u64) -> TimeDelta {
    let doubled = 30_u64.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    TimeDelta::from_std(Duration::from_secs(doubled.min(6 * 3600))).unwrap_or(TimeDelta::hours(6))
}

/// The answer for a mail that is not there.
pub(super) fn no_mail() -> Problem {
    Problem::new(Code::MailNotFound, "there is no such mail to this user")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_to_a_bound() {
        assert_eq!([1, 2, 3].map(|n| backoff(n).num_seconds()), [30, 60, 120]);
        assert_eq!(backoff(ATTEMPTS), TimeDelta::hours(6));
        assert_eq!(backoff(u64::MAX), TimeDelta::hours(6));
        let whole: i64 = (1..ATTEMPTS).map(|n| backoff(n).num_hours()).sum();
        assert!((24..96).contains(&whole), "{whole} hours");
    }
}
