use berth_core::Problems;
use berth_core::domain::DomainState;
use berth_core::id::UserId;
use berth_core::name::{Fqdn, PackageName};
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_store::domains::DomainRecord;
use berth_store::{Tx, domains, numbers};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::site::{Site, SiteRef};
use super::subject::Subject;

/// A site with what dialects of numbers say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteView {
    /// Its number.
    pub number: i64,
    /// Its id.
    pub id: Uuid,
    /// Its domain.
    pub domain: Fqdn,
    /// Whether ownership is proven.
    pub state: DomainState,
    /// Whether it is the first of its account.
    pub primary: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// The number of the account's first site.
    pub webspace: i64,
    /// The domain of the account's first site.
    pub webspace_name: Fqdn,
    /// The user who owns the account.
    pub owner: UserId,
    /// What the owner signs in with.
    pub owner_login: String,
    /// The number of the owner.
    pub owner_number: i64,
    /// The package of the account.
    pub package: PackageName,
    /// The name of the Unix account.
    pub username: String,
}

/// One site.
///
/// # Errors
/// `domain_not_found`, `forbidden`.
pub async fn show_site(ctx: &Ctx, site: &SiteRef) -> Result<SiteView, Problems> {
    let site = Site::authorized(ctx, Action::DomainRead, site).await?;
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let all = domains::of_account(&mut tx, site.domain.account).await?;
        view(&mut tx, &site.subject, &site.domain, &all).await
    })
}

/// The sites of a user's account, the primary one first; none without an account.
///
/// # Errors
/// `user_not_found`.
pub async fn list_sites(ctx: &Ctx, user: &UserRef) -> Result<Vec<SiteView>, Problems> {
    let subject = Subject::authorized(ctx, Action::DomainRead, user).await?;
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let Some(overview) = &subject.account else { return Ok::<_, Failure>(Vec::new()) };
        let all = domains::of_account(&mut tx, overview.account.id).await?;
        let mut views = Vec::with_capacity(all.len());
        for domain in &all {
            views.push(view(&mut tx, &subject, domain, &all).await?);
        }
        Ok(views)
    })
}

async fn view(
    tx: &mut Tx,
    subject: &Subject,
    domain: &DomainRecord,
    all: &[DomainRecord],
) -> Result<SiteView, Failure> {
    let overview = subject.account()?;
    let first = all.iter().find(|other| other.primary).unwrap_or(domain);
    let numbers = numbers::of_users(tx, &[subject.user.id]).await?;
    Ok(SiteView {
        number: numbers::of_domain(tx, domain.id).await?,
        id: domain.id.0,
        domain: domain.fqdn.clone(),
        state: domain.state,
        primary: domain.primary,
        created_at: domain.created_at,
        webspace: numbers::of_domain(tx, first.id).await?,
        webspace_name: first.fqdn.clone(),
        owner: subject.user.id,
        owner_login: subject.name(),
        owner_number: numbers.first().map_or(0, |(_, number)| *number),
        package: overview.package.clone(),
        username: overview.account.username.to_string(),
    })
}
