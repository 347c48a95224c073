use berth_core::id::{InvitationId, MailId, UserId};
use berth_core::mail::{MailKind, MailState};
use berth_core::name::Email;
use berth_core::user::Language;
use berth_store::mails::MailRecord;
use berth_store::users::UserRecord;
use berth_store::{Tx, mails, outbox};
use serde_json::{Value, json};

use super::TOPIC;
use crate::app::context::App;
use crate::app::problem::Failure;

/// Whom a mail goes to.
pub(in crate::app) struct Addressee {
    pub(in crate::app) user: Option<UserId>,
    pub(in crate::app) invitation: Option<InvitationId>,
    pub(in crate::app) address: Email,
    pub(in crate::app) language: Language,
}

impl From<&UserRecord> for Addressee {
    fn from(user: &UserRecord) -> Self {
        Self { user: Some(user.id), invitation: None, address: user.email.clone(), language: user.language }
    }
}

/// Writes a mail down in the transaction that it tells about. `detail` holds no secret.
pub(in crate::app) async fn queue(
    app: &App,
    tx: &mut Tx,
    id: MailId,
    kind: MailKind,
    to: Addressee,
    detail: Value,
) -> Result<(), Failure> {
    let now = app.clock.now();
    let mail = MailRecord {
        id,
        kind,
        user: to.user,
        invitation: to.invitation,
        address: to.address,
        language: to.language,
        detail,
        state: MailState::Waiting,
        problem: None,
        created_at: now,
        done_at: None,
    };
    mails::insert(tx, &mail).await?;
    outbox::enqueue(tx, id.0, TOPIC, &json!({}), now).await?;
    Ok(())
}
