//! A user as Installatron's API shows them: what is stored for it, and the sites of their account.

use berth_core::account::Uid;
use berth_core::name::{Fqdn, Login};
use berth_core::website::{
    ExternalUserView, Locale, PackageLabel, PosixIds, ServerLabel, VhostDirectory, VhostUrl, Website,
    WebsiteLabel, WebsitePath,
};
use berth_core::{Code, Parse, Problem, layout};
use berth_store::accounts::AccountOverview;
use berth_store::domains::DomainRecord;
use berth_store::users::UserRecord;
use berth_store::websites::WebsiteRecord;
use berth_store::{Tx, accounts, domains, external_users, users, websites};

use super::context::App;
use super::problem::Failure;

/// What the API answers about a user; `None` for one whom it was told to forget.
pub(super) async fn external_view(
    app: &App,
    tx: &mut Tx,
    user: UserRecord,
) -> Result<Option<ExternalUserView>, Failure> {
    let Some(login) = user.login.clone() else { return Ok(None) };
    let record = external_users::of_user(tx, user.id).await?;
    if record.as_ref().is_some_and(|record| record.forgotten) {
        return Ok(None);
    }
    let mut shown = Vec::new();
    for website in websites::of_user(tx, user.id).await? {
        shown.push(opened(app, &website)?);
    }
    let account = accounts::of_user(tx, user.id).await?;
    if let Some(overview) = &account {
        for domain in domains::of_account(tx, overview.account.id).await? {
            let site = hosted(overview, &domain)?;
            if !shown.iter().any(|other| other.label == site.label) {
                shown.push(site);
            }
        }
    }
    let package = account.map(|overview| PackageLabel::parse(overview.package.as_str())).transpose()?;
    let parent = match user.owner {
        Some(owner) => users::by_id(tx, owner).await?.and_then(|owner| owner.login),
        None => None,
    };
    let suspended = !user.life.standing().is_open();
    let view = match record {
        Some(record) => ExternalUserView {
            email: record.email,
            locale: record.locale,
            package: package.or(record.package),
            login,
            parent: parent.unwrap_or_else(Login::first_admin),
            role: user.role,
            suspended,
            websites: shown,
        },
        None => ExternalUserView {
            email: Some(user.email),
            locale: Locale::parse(user.language.as_str())?,
            package,
            login,
            parent: parent.unwrap_or_else(Login::first_admin),
            role: user.role,
            suspended,
            websites: shown,
        },
    };
    Ok(Some(view))
}

/// Where a website's document is sealed for.
pub(super) fn place(id: berth_core::id::WebsiteId) -> String {
    format!("websites/{id}/document")
}

fn opened(app: &App, record: &WebsiteRecord) -> Result<Website, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| {
        tracing::error!(website = %record.id, %why, "the definition of a website can't be opened");
        Problem::new(
            Code::Internal,
            format!("the definition of the website {} can't be opened", record.label),
        )
        .hint("the keyring may be another one than when it was stored; `berth restore` brings it back")
    };
    let document =
        app.keyring.open(&record.document, &place(record.id)).map_err(|error| unreadable(&error))?;
    // The parser's words could repeat a part of the document.
    serde_json::from_slice(&document).map_err(|_| unreadable(&"it does not parse").into())
}

/// A site of an account as a website: its files are below the account's home on its node.
fn hosted(overview: &AccountOverview, domain: &DomainRecord) -> Result<Website, Failure> {
    let directory = VhostDirectory::parse(&format!("domains/{}/{}", domain.fqdn, domain.docroot))?;
    let addresses = |host: &Fqdn| ["http", "https"].map(|scheme| format!("{scheme}://{host}"));
    let mut vhosts = Vec::new();
    for address in std::iter::once(&domain.fqdn).chain(&domain.aliases).flat_map(addresses) {
        vhosts.push((VhostUrl::parse(&address)?, directory.clone()));
    }
    let uid: Uid = overview.account.uid;
    Ok(Website {
        path: Some(WebsitePath::parse(&layout::home(&overview.account.username))?),
        vhosts,
        databases: Vec::new(),
        ids: Some(PosixIds { uid: uid.get(), gid: uid.get() }),
        label: WebsiteLabel::parse(domain.fqdn.as_str())?,
        language: None,
        server: Some(ServerLabel::parse(&overview.node)?),
        suspended: false,
        vhost_ip: None,
        email: None,
        parent: None,
    })
}
