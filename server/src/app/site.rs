use berth_core::name::Fqdn;
use berth_core::policy::{Action, Relation};
use berth_core::role::UserRef;
use berth_core::web_user::{WebUserId, WebUserLogin};
use berth_core::{Code, Problem, Problems};
use berth_store::domains::DomainRecord;
use berth_store::web_users::{self, WebUserRecord};
use berth_store::{Tx, domains, memberships, numbers, users};

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// A site as a caller names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteRef {
    /// By its domain.
    Name(Fqdn),
    /// By its number.
    Number(i64),
}

impl std::fmt::Display for SiteRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(fqdn) => fqdn.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// A web user as a caller names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebUserRef {
    /// By their number.
    Number(WebUserId),
    /// By their login, whatever the case of its letters is.
    Login(WebUserLogin),
}

impl std::fmt::Display for WebUserRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Login(login) => login.fmt(f),
        }
    }
}

/// A site that a verb acts on, with whose it is.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) subject: Subject,
    pub(super) domain: DomainRecord,
    /// The number of the site.
    pub(super) number: i64,
}

impl Site {
    /// Finds a site that the caller names and makes sure that the caller may do this to its owner's account.
    /// Whether there is a site of a *name* is told only to those who may know. Numbers are dense, so of them
    /// everybody knows, and somebody else's is `forbidden`.
    pub(super) async fn authorized(ctx: &Ctx, action: Action, named: &SiteRef) -> Result<Self, Problems> {
        let found = retrying!(&ctx.app, look(ctx, named))?;
        let missing = no_site(named);
        let Some((domain, number, owner)) = found else {
            let target = Target { relation: Relation::Foreign, name: named.to_string(), user: None, missing };
            authorize(ctx, action, &target).await?;
            return Err(no_site(named).into());
        };
        let hidden = match named {
            SiteRef::Name(_) => missing,
            SiteRef::Number(_) => {
                Problem::new(Code::Forbidden, format!("the site {number} is another account's"))
            }
        };
        let subject = Subject::authorized_as(ctx, action, &owner, &hidden).await?;
        Ok(Self { subject, domain, number })
    }

    /// Reads the same site again in the transaction that is going to change it.
    pub(super) async fn again(&self, tx: &mut Tx) -> Result<Self, Failure> {
        let subject = self.subject.again(tx).await?;
        let domain = domains::by_id(tx, self.domain.id)
            .await?
            .filter(|domain| domain.account == self.domain.account)
            .ok_or_else(|| no_site(&SiteRef::Number(self.number)))?;
        Ok(Self { subject, domain, number: self.number })
    }
}

async fn look(ctx: &Ctx, named: &SiteRef) -> Result<Option<(DomainRecord, i64, UserRef)>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let domain = match named {
        SiteRef::Name(fqdn) => domains::by_fqdn(&mut tx, fqdn).await?,
        SiteRef::Number(number) => match numbers::domain(&mut tx, *number).await? {
            Some(id) => domains::by_id(&mut tx, id).await?,
            None => None,
        },
    };
    let Some(domain) = domain else { return Ok(None) };
    let Some(owner) = memberships::owner(&mut tx, domain.account).await? else { return Ok(None) };
    let number = numbers::of_domain(&mut tx, domain.id).await?;
    Ok(Some((domain, number, UserRef::Id(owner))))
}

/// The site of a web user, and the web user. Somebody else's is as good as none.
pub(super) async fn of_web_user(
    ctx: &Ctx,
    action: Action,
    named: &WebUserRef,
) -> Result<(Site, WebUserRecord), Problems> {
    let found = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let Some(user) = web_user(&mut tx, named).await? else { return Ok::<_, Failure>(None) };
        let number = numbers::of_domain(&mut tx, user.domain).await?;
        Ok(Some((user, number)))
    })?;
    let missing = no_web_user(named);
    let Some((user, number)) = found else {
        let target = Target { relation: Relation::Foreign, name: named.to_string(), user: None, missing };
        authorize(ctx, action, &target).await?;
        return Err(no_web_user(named).into());
    };
    let site = SiteRef::Number(number);
    let Some((domain, number, owner)) = retrying!(&ctx.app, look(ctx, &site))? else {
        return Err(missing.into());
    };
    let subject = Subject::authorized_as(ctx, action, &owner, &missing).await?;
    Ok((Site { subject, domain, number }, user))
}

/// The web user whom a caller names.
pub(super) async fn web_user(tx: &mut Tx, named: &WebUserRef) -> Result<Option<WebUserRecord>, Failure> {
    Ok(match named {
        WebUserRef::Number(number) => web_users::by_number(tx, *number).await?,
        WebUserRef::Login(login) => web_users::by_key(tx, &login.key()).await?,
    })
}

/// The answer for a web user who does not exist.
pub(super) fn no_web_user(named: &WebUserRef) -> Problem {
    Problem::new(Code::WebUserNotFound, format!("there is no web user `{named}`"))
}

/// The answer for a site that does not exist.
pub(super) fn no_site(named: &SiteRef) -> Problem {
    Problem::new(Code::DomainNotFound, format!("there is no site `{named}`"))
}

/// Whether a login in lower case is taken by a person or an account.
pub(super) async fn login_of_somebody(tx: &mut Tx, key: &str) -> Result<bool, Failure> {
    use berth_core::Parse;
    let Ok(login) = berth_core::name::Login::parse(key) else { return Ok(false) };
    if users::by_login(tx, &login).await?.is_some() {
        return Ok(true);
    }
    let Ok(username) = berth_core::name::Username::parse(key) else { return Ok(false) };
    Ok(berth_store::accounts::by_username(tx, &username).await?.is_some())
}
