use berth_core::domain::DomainState;
use berth_core::id::AccountId;
use berth_core::name::Fqdn;
use berth_core::plan::standard_aliases;
use berth_core::role::{Actor, Role};
use berth_core::{Code, Problem};
use berth_store::domains::ClaimKind;
use berth_store::{Tx, accounts, domains};

use super::context::Ctx;
use super::problem::Failure;

/// Whether an account may have a domain. Names are unique over all accounts, aliases included, and nobody gets
/// a name above or below somebody else's.
///
/// # Errors
/// Of the database only; why the account may not have it is the value.
pub(super) async fn why_taken(
    ctx: &Ctx,
    tx: &mut Tx,
    fqdn: &Fqdn,
    account: Option<AccountId>,
) -> Result<Option<Problem>, Failure> {
    let claims = domains::claims(tx, fqdn, &standard_aliases(fqdn), account).await?;
    let Some(claim) = claims.first() else { return Ok(None) };
    let how = match claim.kind {
        ClaimKind::Same if claim.name == *fqdn => format!("{fqdn} is already served"),
        ClaimKind::Same => {
            format!("{}, which {fqdn} would be served under too, is already served", claim.name)
        }
        ClaimKind::Above => format!("{fqdn} lies below {}, which is another account's", claim.name),
        ClaimKind::Below => format!("{fqdn} lies above {}, which is another account's", claim.name),
    };
    // Whose it is, is nobody's business but the administrators'. Below somebody else's name the name itself
    // would tell, so others get to know no more than that theirs is taken.
    let detail = if is_admin(&ctx.actor) {
        let owner = accounts::by_id(tx, claim.account).await?;
        let owner = owner.map_or_else(|| "nobody".to_owned(), |owner| owner.username.to_string());
        format!("{how}; the account is {owner}")
    } else {
        format!("{fqdn} already exists, or lies above or below another account's domain")
    };
    Ok(Some(Problem::new(Code::DomainTaken, detail)))
}

/// An admin vouches for a domain by adding it; anybody else has to prove that it is theirs.
pub(super) fn initial_state(ctx: &Ctx) -> DomainState {
    if is_admin(&ctx.actor) { DomainState::Active } else { DomainState::Pending }
}

/// Whether the actor has an administrator's view of the installation.
pub(super) fn is_admin(actor: &Actor) -> bool {
    match actor.user_and_role() {
        Some((_, role)) => role == Role::Admin,
        None => matches!(actor, Actor::Operator | Actor::System),
    }
}
