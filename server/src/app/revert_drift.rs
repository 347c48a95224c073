use berth_core::Problems;
use berth_core::drift::DriftState;
use berth_core::id::DriftId;
use berth_core::mode::Mode;
use berth_core::view::DriftView;

use super::adopt_drift::decide;
use super::context::Ctx;
use super::outcome::Outcome;

/// Decides that what Berth has stays: notes that somebody has looked at a drift that is put right already, and
/// undoes one that was adopted.
///
/// # Errors
/// `node_not_found`, `drift_not_found`, `drift_not_adoptable` if the keys from before an adoption are not known
/// in full, `idempotency_conflict`.
pub async fn revert_drift(
    ctx: &Ctx,
    node: &str,
    id: DriftId,
    mode: Mode,
) -> Result<Outcome<DriftView>, Problems> {
    decide(ctx, node, id, mode, DriftState::Reverted).await
}
