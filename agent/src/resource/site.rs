//! The sites of all accounts, as the web server sees them.

use std::collections::{BTreeMap, BTreeSet};

use berth_core::condition::Resource;
use berth_core::id::AccountId;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem, layout};

use super::{Accounts, Context, Converged, Failure, Observed, SharedOutcome, SharedResource, tls};
use crate::host::{Attributes, Host, Owner};
use crate::nginx::block;
use crate::nginx::candidate::Files;
use crate::nginx::host_tree::{self, Links};
use crate::nginx::server::{self, WebServer, WebState};

/// The web server with the sites of all accounts.
pub struct Site {
    trees: Links,
    https: Links,
    sockets: Links,
    logs: Links,
    closed: Links,
    server: WebServer,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            trees: Links::sites(),
            https: Links::https(),
            sockets: Links::sockets(),
            logs: Links::logs(),
            closed: Links::closed(),
            server: WebServer::default(),
        }
    }
}

impl SharedResource for Site {
    fn name(&self) -> &'static str {
        "site"
    }

    fn resource(&self) -> Option<Resource> {
        Some(Resource::Site)
    }

    fn needs(&self) -> &'static [Resource] {
        &[Resource::Account, Resource::Home]
    }

    fn commit(&self, context: &Context<'_>, accounts: &Accounts<'_>) -> SharedOutcome {
        if accounts.audit {
            self.trees.refresh();
            self.https.refresh();
            self.sockets.refresh();
            self.logs.refresh();
            self.closed.refresh();
        }
        let mut outcome = SharedOutcome::default();
        let mut prepared: BTreeMap<AccountId, Result<(), Failure>> = BTreeMap::new();
        for spec in accounts.worked() {
            prepared.insert(spec.account, self.prepare(context, spec));
        }
        let state = match self.serve(context, accounts) {
            Ok(state) => state,
            Err(failure) => WebState { problem: Some(failure.problem().clone()), ..WebState::default() },
        };
        for spec in accounts.worked() {
            let ready = prepared.remove(&spec.account).unwrap_or(Ok(()));
            let converged = ready.and_then(|()| self.finish(context, spec, &state));
            outcome.accounts.insert(spec.account, converged);
        }
        outcome.node.extend(state.problem);
        outcome
    }
}

impl Site {
    /// What has to be there before nginx may hear of the account's sites.
    fn prepare(&self, context: &Context<'_>, spec: &AccountSpec) -> Result<(), Failure> {
        for dir in [
            layout::HOST_TREE,
            layout::HTTPS_DIR,
            layout::PHP_HOST_DIR,
            layout::LOG_TREE,
            layout::CLOSED_HOSTS,
            layout::CLOSED_ACCOUNTS,
        ] {
            server::make_dir(context.host, dir)?;
        }
        // Closed before anything is taken away, so that visitors see one page or the other, and none of an error.
        self.closed.make(context.host, &spec.uid.to_string(), &host_tree::closed_links(spec))?;
        let marker = layout::closed_account(spec.uid);
        if !spec.standing.is_open() && !spec.standing.is_purged() && context.host.entry(&marker)?.is_none() {
            context.host.make_dir(&marker, &Attributes::plain(Owner::ROOT, 0o755), &[])?;
        }
        self.sockets.make(context.host, &spec.uid.to_string(), &host_tree::socket_links(spec))?;
        self.trees.make(context.host, spec.username.as_str(), &host_tree::site_links(spec))?;
        // Last, since the first page needs none, and making one takes longer than all the rest.
        for site in spec.sites.iter().filter(|_| !spec.standing.is_purged()) {
            tls::ensure_site(context, site)?;
        }
        let https = host_tree::https_links(spec, context.certificates);
        self.https.make(context.host, spec.username.as_str(), &https)?;
        self.logs.make(context.host, spec.username.as_str(), &host_tree::log_links(spec))?;
        Ok(())
    }

    /// Has nginx serve the sites with settings of their own. Those of the host tree are none of its business.
    fn serve(&self, context: &Context<'_>, accounts: &Accounts<'_>) -> Result<WebState, Failure> {
        tls::ensure(context, tls::NO_HOST, "localhost")?;
        let ipv6 = server::has_ipv6(context.host)?;
        let mut blocks = Files::new();
        let mut again = BTreeSet::new();
        let worked: BTreeSet<AccountId> = accounts.worked.iter().copied().collect();
        for spec in accounts.ready.values() {
            let own = spec.sites.iter().filter(|site| !site.is_standard() && !spec.standing.is_purged());
            for site in own {
                let certificate = tls::of(site, context.certificates);
                let name = block::file_name(site);
                if accounts.afresh && worked.contains(&spec.account) {
                    again.insert(name.clone());
                }
                blocks.insert(
                    name,
                    block::render(spec, site, &block::Setting { ipv6, acme: context.acme, certificate }),
                );
            }
        }
        Ok(self.server.converge(context, &blocks, &again, accounts.audit))
    }

    /// Takes away what the account has no longer, and says how its sites are.
    fn finish(&self, context: &Context<'_>, spec: &AccountSpec, state: &WebState) -> Converged {
        let host = context.host;
        if let Some(problem) = &state.problem {
            return Err(Failure::Failed(problem.clone()));
        }
        let links = host_tree::site_links(spec);
        if spec.standing.is_open() {
            // Everything is in its place again: one change opens all sites.
            host.remove_dir(&layout::closed_account(spec.uid))?;
        }
        self.trees.prune(host, spec.username.as_str(), &links)?;
        let https = host_tree::https_links(spec, context.certificates);
        self.https.prune(host, spec.username.as_str(), &https)?;
        // Every name has a link to its logs, so that these tell which names are gone. A site that is only closed
        // keeps its certificate, for the page that says so.
        let kept: BTreeSet<String> = spec
            .sites
            .iter()
            .filter(|_| !spec.standing.is_purged())
            .flat_map(|site| site.hosts().map(layout::host_file))
            .collect();
        self.logs.prune_with(host, spec.username.as_str(), &host_tree::log_links(spec), |name| {
            if kept.contains(name) { Ok(()) } else { tls::remove(host, name) }
        })?;
        self.sockets.prune(host, &spec.uid.to_string(), &host_tree::socket_links(spec))?;
        self.closed.prune(host, &spec.uid.to_string(), &host_tree::closed_links(spec))?;
        if spec.standing.is_purged() {
            return purge(host, spec);
        }
        let own: Vec<_> = spec.sites.iter().filter(|site| !site.is_standard()).collect();
        for site in &own {
            if let Some(words) = state.rejected.get(&block::file_name(site)) {
                return Err(Failure::Failed(
                    Problem::new(
                        Code::SiteRejected,
                        format!("nginx refuses the configuration of {}: {words}", site.fqdn),
                    )
                    .hint("the site is left out until its settings change; all others are served"),
                ));
            }
        }
        let issued = spec.sites.iter().filter(|site| tls::of(site, context.certificates).is_some()).count();
        Ok(Observed::new()
            .with("hosts", links.into_keys().collect::<Vec<_>>())
            .with("standing", spec.standing.as_str())
            .with("own_server_blocks", own.len())
            .with("issued_certificates", issued))
    }
}

/// Removes what is left when no link leads to the account's sites any more.
fn purge(host: &dyn Host, spec: &AccountSpec) -> Converged {
    for name in spec.sites.iter().flat_map(berth_core::spec::SiteSpec::hosts).map(layout::host_file) {
        for ending in ["crt", "key"] {
            host.remove_file(&format!("{}/{name}.{ending}", layout::TLS_DIR))?;
        }
    }
    host.remove_dir(&layout::closed_account(spec.uid))?;
    Ok(Observed::new().with("state", "gone"))
}

#[cfg(test)]
mod tests;
