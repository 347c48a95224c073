//! `/installatron`

use berth_core::view::InstallatronKey;

use super::answer::{self, Answer};
use super::caller::Caller;
use super::params::ChangeParams;
use super::query::DryRun;
use crate::app::{self, Outcome};

/// Make a new key for Installatron's API
///
/// It is in this answer and nowhere else. The one before goes on to work until the next one is made.
#[utoipa::path(
    post, path = "/installatron/key", tag = "Installatron", operation_id = "rotate_installatron_key",
    params(ChangeParams),
    responses((status = 201, description = "The new key", body = InstallatronKey)),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn rotate_key(Caller(ctx): Caller, DryRun(mode): DryRun) -> Answer {
    let outcome = match app::rotate_installatron_key(&ctx, mode).await? {
        Outcome::Done(key) => Outcome::Done(InstallatronKey { key }),
        Outcome::Planned(plan) => Outcome::Planned(plan),
        Outcome::Checked => Outcome::Checked,
    };
    Ok(answer::created(&outcome, |_| "/users".to_owned()))
}
