//! What makes a domain's ownership certain.

use berth_core::domain::DomainState;
use berth_core::name::Fqdn;
use berth_core::ownership::{LOOKING_DAYS, OwnershipToken, PROOF_PATH, ProofKind, record_name};
use berth_core::policy::Action;
use berth_core::{Code, Problem};
use berth_store::domains::DomainRecord;
use berth_store::memberships;
use berth_store::{Tx, accounts, certificates, domains, proofs};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::problem::Failure;
use crate::network::{Network, Page, Redirects};

/// How long after a domain was added Berth looks for its proof for the first time.
const FIRST_LOOK: TimeDelta = TimeDelta::minutes(1);
/// Longest time between two looks.
const LAST_LOOKS: TimeDelta = TimeDelta::hours(6);

/// Stores a new domain, and what has to be done next about it: its ownership is proven or a certificate ordered.
pub(super) async fn admit(ctx: &Ctx, tx: &mut Tx, domain: &DomainRecord) -> Result<(), Failure> {
    domains::insert(tx, domain).await?;
    match domain.state {
        DomainState::Active => certificates::enrol(tx, domain.id, domain.created_at).await?,
        DomainState::Pending => {
            let mut random = [0; 20];
            ctx.app.randomness.fill(&mut random);
            let token = OwnershipToken::new(random);
            let due = domain.created_at + FIRST_LOOK;
            proofs::insert(tx, domain.id, &token, domain.created_at, due).await?;
        }
    }
    Ok(())
}

/// Makes a pending domain active, in the transaction of whoever found it proven.
pub(super) async fn activate(
    ctx: &Ctx,
    tx: &mut Tx,
    domain: &DomainRecord,
    action: Action,
    proof: ProofKind,
) -> Result<(), Failure> {
    domains::set_state(tx, domain.id, DomainState::Active).await?;
    proofs::remove(tx, domain.id).await?;
    certificates::enrol(tx, domain.id, ctx.app.clock.now()).await?;
    accounts::stamp(tx, domain.account).await?;
    let account = accounts::by_id(tx, domain.account).await?.map(|account| account.username);
    let owner = memberships::owner(tx, domain.account).await?;
    let detail = json!({
        "account": account, "proof": proof, "state": { "old": DomainState::Pending, "new": DomainState::Active },
    });
    audit(ctx, tx, action, domain.fqdn.as_str(), owner, detail).await
}

/// Looks for the proof, first in the name's records, then on its web server.
///
/// # Errors
/// `domain_unproven`, with what was found instead.
pub(super) async fn look(
    network: &dyn Network,
    fqdn: &Fqdn,
    token: &OwnershipToken,
) -> Result<ProofKind, Problem> {
    let wanted = token.proof();
    let record = record_name(fqdn);
    let (texts, page) =
        tokio::join!(network.texts(&record), network.page(fqdn, PROOF_PATH, Redirects::SameHost));
    let in_dns = match texts {
        Ok(texts) if texts.iter().any(|text| text.trim() == wanted) => return Ok(ProofKind::Dns),
        Ok(texts) if texts.is_empty() => format!("{record} has no TXT record"),
        Ok(_) => format!("the TXT record of {record} holds something else"),
        Err(error) => error.to_string(),
    };
    let in_file = match page {
        Ok(Page { status: 200, body }) if body.lines().next().map(str::trim) == Some(wanted.as_str()) => {
            return Ok(ProofKind::File);
        }
        Ok(Page { status: 200, .. }) => format!("http://{fqdn}{PROOF_PATH} holds something else"),
        Ok(Page { status, .. }) => format!("http://{fqdn}{PROOF_PATH} answers with {status}"),
        Err(error) => error.to_string(),
    };
    Err(Problem::new(Code::DomainUnproven, format!("{in_dns}; {in_file}")).hint(format!(
        "publish `{wanted}` as TXT record of {record}, or as the file {PROOF_PATH} of the site that {fqdn} leads to"
    )))
}

/// When the proof of a domain is looked for next: less and less often, and after a month not by itself.
pub(super) fn next_look(created_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let age = now - created_at;
    (age < TimeDelta::days(LOOKING_DAYS)).then(|| now + (age / 4).clamp(FIRST_LOOK, LAST_LOOKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_ages_and_ends() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (mut now, mut looks) = (start + FIRST_LOOK, 0);
        while let Some(next) = next_look(start, now) {
            assert!(next > now && next - now <= LAST_LOOKS);
            now = next;
            looks += 1;
        }
        assert!(now - start >= TimeDelta::days(LOOKING_DAYS));
        assert!((100..200).contains(&looks), "{looks}");
        assert_eq!(next_look(start, start + TimeDelta::minutes(4)), Some(start + TimeDelta::minutes(5)));
    }
}
