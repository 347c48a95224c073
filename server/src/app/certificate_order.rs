//! One attempt at the certificate of one domain.

use std::sync::Arc;

use berth_core::certificate::Thumbprint;
use berth_core::domain::DomainState;
use berth_core::id::DomainId;
use berth_core::name::Fqdn;
use berth_core::policy::Action;
use berth_core::role::Actor;
use berth_core::{Code, Problem};
use berth_store::certificates::accounts::AccountRecord;
use berth_store::certificates::{self, CertificateRecord, Issued, orders};
use berth_store::domains::DomainRecord;
use berth_store::{accounts, domains, memberships};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::acme_account::{self, AccountFailure};
use super::audited::audit;
use super::certificate_due::{Next, Obstacle, Present, next, pause};
use super::context::{App, Ctx};
use super::problem::Failure;
use crate::acme::{Authority, AuthorityError, CHALLENGE_PATH, Fresh, Leaf};
use crate::network::{Page, Redirects};

/// Orders in three hours, over everything.
const MOST_ORDERS: u64 = 250;
/// Orders in a week for the names below one registrable domain.
const MOST_OF_REGISTRABLE: u64 = 40;
/// Orders in a week for exactly the same names.
const MOST_OF_NAMES: u64 = 4;
/// Over which time the longest of these limits counts.
const WEEK: TimeDelta = TimeDelta::days(7);
/// Over which time the first of them counts.
const HOURS: TimeDelta = TimeDelta::hours(3);

/// Everything that an attempt works with.
pub(super) struct Attempt<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) authority: &'a dyn Authority,
    pub(super) directory: &'a str,
    /// The account to order with, or why there is none.
    pub(super) account: Result<&'a AccountRecord, &'a AuthorityError>,
}

/// What went wrong.
pub(super) struct Setback {
    obstacle: Obstacle,
    problems: Vec<Problem>,
    /// Whether the authority does not answer, so that asking it again at once is no use.
    pub(super) silent: bool,
}

impl From<AuthorityError> for Setback {
    fn from(error: AuthorityError) -> Self {
        let silent = matches!(error, AuthorityError::Unreachable(_));
        let failed = |detail: String| vec![Problem::new(Code::AcmeFailed, detail)];
        let (obstacle, problems) = match error {
            AuthorityError::Unreachable(_) | AuthorityError::AccountUnknown => {
                (Obstacle::BeforeOrder, failed(error.to_string()))
            }
            AuthorityError::Limited(_) => {
                (Obstacle::Limited, vec![Problem::new(Code::AcmeRateLimited, error.to_string())])
            }
            AuthorityError::Names(names) => (
                Obstacle::Refused,
                names.into_iter().flat_map(|(name, why)| failed(format!("{name}: {why}"))).collect(),
            ),
            AuthorityError::Refused(why) => (Obstacle::Refused, failed(why)),
        };
        Self { obstacle, problems, silent }
    }
}

/// Where the private key of a domain's certificate is kept, for its seal.
pub(super) fn key_place(domain: DomainId) -> String {
    format!("certificates/{domain}/private_key")
}

impl Attempt<'_> {
    /// Does what is to be done about the certificate of a domain; whether the authority does not answer.
    pub(super) async fn make(&self, domain: DomainId) -> Result<bool, Failure> {
        let mut tx = self.app.store.read().await?;
        let known = domains::by_id(&mut tx, domain).await?;
        let found = known.zip(certificates::by_domain(&mut tx, domain).await?);
        drop(tx);
        let Some((domain, record)) = found.filter(|(domain, _)| domain.state == DomainState::Active) else {
            return Ok(false);
        };
        match self.work(&domain, &record).await? {
            Ok(()) => Ok(false),
            Err(setback) => {
                self.postpone(&domain, &record, &setback).await?;
                Ok(setback.silent)
            }
        }
    }

    async fn work(
        &self,
        domain: &DomainRecord,
        record: &CertificateRecord,
    ) -> Result<Result<(), Setback>, Failure> {
        let account = match self.account {
            Ok(account) => account,
            Err(error) => return Ok(Err(error.clone().into())),
        };
        let wanted: Vec<Fqdn> = std::iter::once(&domain.fqdn).chain(&domain.aliases).cloned().collect();
        let (reachable, problems) = self.reachable(&wanted, &account.thumbprint).await;
        let present = match (record.not_before, record.not_after) {
            (Some(not_before), Some(not_after)) => {
                Some(Present { names: &record.names, not_before, not_after })
            }
            _ => None,
        };
        let now = self.app.clock.now();
        let names = match next(present, record.forced, &wanted, &reachable, now) {
            Next::Order(names) => names,
            Next::Rest(until) => {
                let mut tx = self.app.store.begin().await?;
                certificates::postpone(&mut tx, domain.id, until, &problems, now, false).await?;
                tx.commit().await?;
                return Ok(Ok(()));
            }
            Next::Stuck => {
                return Ok(Err(Setback { obstacle: Obstacle::BeforeOrder, problems, silent: false }));
            }
        };
        if let Some(problem) = self.count(&names).await? {
            return Ok(Err(Setback { obstacle: Obstacle::Limited, problems: vec![problem], silent: false }));
        }
        let fresh = match self.order(account, &names).await {
            Ok(fresh) => fresh,
            Err(AccountFailure::Authority(error)) => return Ok(Err(error.into())),
            Err(AccountFailure::Own(failure)) => return Err(failure),
        };
        match Leaf::read(&fresh.chain, &fresh.key) {
            Ok(leaf) => self.keep(domain, fresh, leaf, &wanted, &problems).await.map(Ok),
            Err(error) => Ok(Err(AuthorityError::Refused(error.to_string()).into())),
        }
    }

    /// Which of these names lead to a server of ours, asked the way in which the authority is going to ask, and
    /// what is wrong with the others.
    async fn reachable(&self, names: &[Fqdn], thumbprint: &Thumbprint) -> (Vec<Fqdn>, Vec<Problem>) {
        let mut random = [0; 16];
        self.app.randomness.fill(&mut random);
        let token = hex::encode(random);
        let (path, expected) = (format!("{CHALLENGE_PATH}{token}"), format!("{token}.{thumbprint}"));
        let asked = names.iter().map(|name| self.app.network.page(name, &path, Redirects::Refused));
        let (mut reachable, mut problems) = (Vec::new(), Vec::new());
        for (name, answer) in names.iter().zip(join_all(asked).await) {
            let detail = match answer {
                Ok(Page { status: 200, body }) if body.trim_end() == expected => {
                    reachable.push(name.clone());
                    continue;
                }
                Ok(Page { status, .. }) => {
                    format!("{name} is answered by another server, with {status}, or by this one not yet")
                }
                Err(error) => error.to_string(),
            };
            problems.push(Problem::new(Code::CertificateNameUnreachable, detail));
        }
        (reachable, problems)
    }

    /// Notes an order, unless it would come near a limit of the authority.
    async fn count(&self, names: &[Fqdn]) -> Result<Option<Problem>, Failure> {
        let now = self.app.clock.now();
        let mut tx = self.app.store.begin().await?;
        orders::forget(&mut tx, now - WEEK).await?;
        let limited = |what: &str, many: u64| {
            let detail = format!("{what}: {many} certificates were ordered lately");
            Ok(Some(Problem::new(Code::AcmeRateLimited, detail)))
        };
        let of_names = orders::of_names(&mut tx, names, now - WEEK).await?;
        if of_names >= MOST_OF_NAMES {
            return limited("for exactly these names", of_names);
        }
        let of_registrable = orders::of_registrable(&mut tx, names, now - WEEK).await?;
        if of_registrable >= MOST_OF_REGISTRABLE {
            return limited("for the names of this domain", of_registrable);
        }
        let all = orders::since(&mut tx, now - HOURS).await?;
        if all >= MOST_ORDERS {
            return limited("for all accounts", all);
        }
        let mut random = [0; 16];
        self.app.randomness.fill(&mut random);
        orders::insert(&mut tx, Uuid::from_bytes(random), names, now).await?;
        tx.commit().await?;
        Ok(None)
    }

    async fn order(&self, account: &AccountRecord, names: &[Fqdn]) -> Result<Fresh, AccountFailure> {
        let credentials = acme_account::credentials(self.app, self.directory, account)?;
        match self.authority.order(&credentials, names).await {
            Err(AuthorityError::AccountUnknown) => {
                let again =
                    acme_account::reopen(self.app, self.authority, self.directory, &credentials).await?;
                Ok(self.authority.order(&again, names).await?)
            }
            other => Ok(other?),
        }
    }

    async fn keep(
        &self,
        domain: &DomainRecord,
        fresh: Fresh,
        leaf: Leaf,
        wanted: &[Fqdn],
        problems: &[Problem],
    ) -> Result<(), Failure> {
        let app = self.app;
        let now = app.clock.now();
        let sealed =
            app.keyring.seal(fresh.key.reveal().as_bytes(), &key_place(domain.id), app.randomness.as_ref());
        let sealed_key =
            sealed.map_err(|_| Problem::new(Code::Internal, "the key of a certificate can't be sealed"))?;
        let present = Present { names: &leaf.names, not_before: leaf.not_before, not_after: leaf.not_after };
        let due = match next(Some(present), false, wanted, &[], now) {
            Next::Rest(until) => until,
            Next::Order(_) | Next::Stuck => leaf.renew_at().max(now + TimeDelta::hours(1)),
        };
        let issued = Issued {
            fingerprint: leaf.fingerprint,
            names: leaf.names,
            issuer: leaf.issuer,
            chain: fresh.chain,
            sealed_key,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
        };
        let ctx = Ctx::new(Arc::clone(app), Actor::System, app.request_id());
        let mut tx = app.store.begin().await?;
        if !certificates::store(&mut tx, domain.id, &issued, due, problems, now).await? {
            // The domain is gone meanwhile.
            return Ok(());
        }
        accounts::stamp(&mut tx, domain.account).await?;
        let owner = memberships::owner(&mut tx, domain.account).await?;
        let detail = json!({
            "names": issued.names, "issuer": issued.issuer, "not_after": issued.not_after,
            "fingerprint": issued.fingerprint,
        });
        audit(&ctx, &mut tx, Action::CertificateRenew, domain.fqdn.as_str(), owner, detail).await?;
        tx.commit().await?;
        app.notifier.signal();
        tracing::info!(domain = %domain.fqdn, issuer = issued.issuer, "a certificate was issued");
        Ok(())
    }

    async fn postpone(
        &self,
        domain: &DomainRecord,
        record: &CertificateRecord,
        setback: &Setback,
    ) -> Result<(), Failure> {
        let now = self.app.clock.now();
        let pause = pause(setback.obstacle, record.attempts);
        let mut byte = [0];
        self.app.randomness.fill(&mut byte);
        // Spread over a tenth, so that what failed together is not tried together.
        let due = now + pause + pause * i32::from(byte[0]) / 2560;
        if let Some(problem) = setback.problems.first()
            && record.problems.first() != Some(problem)
        {
            tracing::info!(domain = %domain.fqdn, %problem, "there is no certificate yet");
        }
        let mut tx = self.app.store.begin().await?;
        certificates::postpone(&mut tx, domain.id, due, &setback.problems, now, true).await?;
        Ok(tx.commit().await?)
    }
}
