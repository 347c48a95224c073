//! What the database holds, as facts.

use berth_core::command::ListUsers;
use berth_store::users::Visible;
use berth_store::{
    Store, accounts, api_keys, domains, egress_rules, external_users, nodes, packages, ssh_keys, timers,
    users, web_users, webhooks, websites,
};
use serde_json::json;

use crate::facts::{self, Facts};
use crate::server::NODE;

pub(crate) async fn read(store: &Store) -> Facts {
    let mut tx = store.read().await.unwrap();
    let mut facts = Facts::default();
    for (package, _) in packages::list(&mut tx).await.unwrap() {
        let value = json!({ "limits": package.limits, "features": package.features });
        facts.set(format!("package/{}", package.name), value);
    }
    let everybody = ListUsers { limit: 200, ..ListUsers::default() };
    for user in users::list(&mut tx, &everybody, Visible::All).await.unwrap().items {
        let value = json!({
            "login": user.login, "email": user.email, "display_name": user.display_name, "role": user.role,
            "phone": user.phone, "address": user.address, "timezone": user.timezone,
            "language": user.language,
        });
        facts.set(format!("user/{}", user.id), value);
        if let Some(external) = external_users::of_user(&mut tx, user.id).await.unwrap() {
            let websites = websites::of_user(&mut tx, user.id).await.unwrap();
            let labels: Vec<_> = websites.iter().map(|site| site.label.as_str()).collect();
            let value = json!({ "labels": labels, "forgotten": external.forgotten });
            facts.set(format!("websites/{}", user.id), value);
        }
        let Some(overview) = accounts::of_user(&mut tx, user.id).await.unwrap() else { continue };
        let account = overview.account;
        let name = format!("account/{}", account.username);
        let value = json!({
            "user": user.id, "uid": account.uid, "package": overview.package, "sftp": account.sftp_enabled,
        });
        facts.set(name.clone(), value);
        for domain in domains::of_account(&mut tx, account.id).await.unwrap() {
            let mut value = facts::domain(domain.docroot.as_str(), domain.primary);
            value["https_redirect"] = json!(domain.https_redirect);
            facts.set(format!("{name}/domain/{}", domain.fqdn), value);
            for user in web_users::of_domain(&mut tx, domain.id).await.unwrap() {
                let value = json!({ "uid": user.uid, "quota": user.quota });
                facts.set(format!("{name}/web/{}/{}", domain.fqdn, user.login), value);
            }
        }
        for rule in egress_rules::of_account(&mut tx, account.id).await.unwrap() {
            facts.set(format!("{name}/egress/{}", rule.rule), json!(rule.id));
        }
        for key in ssh_keys::of_account(&mut tx, account.id).await.unwrap() {
            facts.set(format!("{name}/key/{}", key.key.fingerprint()), json!(key.key.authorized_line()));
        }
        for timer in timers::of_account(&mut tx, account.id).await.unwrap() {
            let spec = timer.spec;
            let (schedule, command) = (spec.schedule.as_str(), spec.command.as_str());
            let value = facts::timer(schedule, command, spec.enabled, spec.run_wanted_at.is_some());
            facts.set(format!("{name}/timer/{}", spec.name), value);
        }
    }
    for key in api_keys::list(&mut tx, None).await.unwrap() {
        let value = json!({ "user": key.user, "scopes": key.scopes, "revoked": key.revoked_at.is_some() });
        facts.set(format!("api_key/{}", key.label), value);
    }
    for hook in webhooks::list(&mut tx).await.unwrap() {
        let note = hook.note.as_ref().unwrap();
        facts.set(format!("webhook/{note}"), json!({ "events": hook.events }));
    }
    let node = nodes::by_name(&mut tx, NODE).await.unwrap().unwrap();
    facts.set("audits", json!(node.audit_requested));
    facts
}
