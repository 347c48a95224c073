use berth_core::id::RequestId;
use berth_core::{Code, Problem, Problems};
use berth_store::{second_factors, users};
use serde_json::json;

use super::{is_required, own_and_confirmed};
use crate::app::audited::audit_of;
use crate::app::context::App;
use crate::app::problem::{Failure, retrying};
use crate::app::session::Session;

/// Switches the user's own second factor off, with its recovery codes.
///
/// # Errors
/// `second_factor_off`, `second_factor_required`, `confirmation_needed`, `forbidden`.
pub async fn disable_second_factor(app: &App, request: RequestId, session: &Session) -> Result<(), Problems> {
    own_and_confirmed(app, session)?;
    retrying!(app, attempt(app, request, session))
}

async fn attempt(app: &App, request: RequestId, session: &Session) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    let role = users::by_id(&mut tx, session.user.id).await?.map_or(session.user.role, |user| user.role);
    let (factor, required) = is_required(app, &mut tx, session.user.id, role).await?;
    if !factor.is_on() {
        return Err(Problem::new(Code::SecondFactorOff, "your second factor is off already").into());
    }
    if required {
        return Err(Problem::new(Code::SecondFactorRequired, "you have to have a second factor").into());
    }
    second_factors::clear(&mut tx, session.user.id).await?;
    let (actor, user) = (session.own_actor(), &session.user);
    audit_of(app, request, &mut tx, &actor, "second_factor.disable", user, json!({})).await?;
    Ok(tx.commit().await?)
}
