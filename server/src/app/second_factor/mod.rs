//! The second factor of people: codes of an authenticator (TOTP, RFC 6238), and recovery codes.

mod code;
mod disable;
mod enrol;
mod renew;
mod require;
mod reset;
mod show;
mod verify;

pub use disable::disable_second_factor;
pub use enrol::{Enrolled, Enrolment, begin_second_factor, confirm_second_factor};
pub use renew::renew_recovery_codes;
pub use require::require_second_factor;
pub use reset::reset_second_factor;
pub use show::show_second_factor;
pub use verify::verify_second_factor;

use berth_core::id::UserId;
use berth_core::role::Role;
use berth_core::session::SessionState;
use berth_core::{Code, Problem};
use berth_store::Tx;
use berth_store::second_factors::{self, SecondFactorRecord};

use super::context::App;
use super::problem::Failure;
use super::session::Session;
use super::throttle::Throttle;

/// Wrong codes before delays begin.
const FREE: u64 = 5;

fn by_user(user: UserId) -> Throttle {
    Throttle::new("code", &user.to_string(), FREE)
}

/// Makes sure that a session is complete, its user's own, and confirmed lately.
fn own_and_confirmed(app: &App, session: &Session) -> Result<(), Problem> {
    if session.state != SessionState::Full || session.in_place_of.is_some() {
        return Err(Problem::new(Code::Forbidden, "a second factor is its owner's alone"));
    }
    if !session.is_confirmed(app.clock.now()) {
        return Err(Problem::new(Code::ConfirmationNeeded, "give your password again first"));
    }
    Ok(())
}

/// Whether a user must have a second factor, by their role or because somebody said so.
async fn is_required(
    app: &App,
    tx: &mut Tx,
    user: UserId,
    role: Role,
) -> Result<(SecondFactorRecord, bool), Failure> {
    let factor = second_factors::get(tx, user).await?;
    let enforced = role == Role::Admin && app.installation().enforce_2fa_for_admins;
    let required = enforced || factor.required_at.is_some();
    Ok((factor, required))
}
