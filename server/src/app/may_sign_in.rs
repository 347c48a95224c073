use berth_core::{Code, Problem};
use berth_store::users::UserRecord;

/// Says why a user may not come in: by session, key or password, in every dialect. To be asked after they have
/// shown who they are, and with every request of a session, so that a suspension counts at once.
///
/// # Errors
/// `user_suspended` with the reason and the message for the user; `unauthenticated` for somebody in the trash,
/// as if they were not there.
pub fn closed_out(user: &UserRecord) -> Result<(), Problem> {
    if user.life.is_deleted() {
        return Err(Problem::new(Code::Unauthenticated, "there is no such user"));
    }
    let Some(suspension) = user.life.closing_sign_in() else { return Ok(()) };
    let until = suspension.until.map(|until| format!(", until {}", until.format("%Y-%m-%d %H:%M UTC")));
    let message = suspension.message.as_ref().map(|message| format!(": {message}"));
    let detail = format!(
        "suspended, reason: {}{}{}",
        suspension.reason,
        until.unwrap_or_default(),
        message.unwrap_or_default()
    );
    Err(Problem::new(Code::UserSuspended, detail))
}

/// The same as yes or no, for whoever must not say why.
pub(super) fn may_sign_in(user: &UserRecord) -> bool {
    user.life.may_sign_in()
}
