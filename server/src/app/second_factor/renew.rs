use berth_core::id::RequestId;
use berth_core::{Code, Problem, Problems};
use berth_store::second_factors;
use serde_json::json;

use super::{code, own_and_confirmed};
use crate::app::audited::audit_of;
use crate::app::context::App;
use crate::app::problem::{Failure, retrying};
use crate::app::session::Session;

/// Makes new recovery codes, to be shown once; the ones from before are good no more.
///
/// # Errors
/// `second_factor_off`, `confirmation_needed`, `forbidden`.
pub async fn renew_recovery_codes(
    app: &App,
    request: RequestId,
    session: &Session,
) -> Result<Vec<String>, Problems> {
    own_and_confirmed(app, session)?;
    retrying!(app, attempt(app, request, session))
}

async fn attempt(app: &App, request: RequestId, session: &Session) -> Result<Vec<String>, Failure> {
    let mut tx = app.store.begin().await?;
    if !second_factors::get(&mut tx, session.user.id).await?.is_on() {
        return Err(Problem::new(Code::SecondFactorOff, "there is no second factor to recover").into());
    }
    let codes = code::recovery_codes(app);
    let hashed: Vec<String> = codes.iter().map(|code| code::fingerprint(code)).collect();
    second_factors::replace_codes(&mut tx, session.user.id, &hashed, app.clock.now()).await?;
    let (actor, user) = (session.own_actor(), &session.user);
    audit_of(app, request, &mut tx, &actor, "second_factor.renew_codes", user, json!({})).await?;
    tx.commit().await?;
    Ok(codes)
}
