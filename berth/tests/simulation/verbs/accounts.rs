//! What belongs to an account.

use berth_core::command::{AddDomain, AddSshKey, EditDomain};
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::role::UserRef;
use berth_core::ssh_key::SshPublicKey;
use berth_server::app;
use serde_json::json;

use super::{Order, expect, name, parsed};
use crate::dice::Dice;
use crate::facts::{self, Facts};
use crate::names;

/// An account: how a command names it, and how the facts do.
pub(super) fn some_account(dice: &mut Dice, facts: &Facts) -> Option<(UserRef, String)> {
    let username = dice.pick(&facts.accounts())?;
    Some((name(&username), format!("account/{username}")))
}

pub(super) fn set_sftp(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, account) = some_account(dice, facts)?;
    let on = dice.chance(50);
    let known = account.clone();
    let order = Order::new(format!("switch file transfer of {account} to {on}"), move |ctx| {
        let user = user.clone();
        async move { app::set_sftp(&ctx, &user, on, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        facts.change(&account, "sftp", json!(on));
        Ok(())
    })
    .or_if(move |facts| facts.get(&known)["sftp"] == json!(on));
    Some(order)
}

pub(super) fn add_domain(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, account) = some_account(dice, facts)?;
    let fqdn = names::domain(dice);
    let docroot = names::docroot(dice);
    let command = parsed(json!({ "domain": fqdn, "docroot": docroot }), AddDomain::parse);
    let order = Order::new(format!("add {fqdn} to {account}"), move |ctx| {
        let (user, command) = (user.clone(), command.clone());
        async move { app::add_domain(&ctx, &user, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        expect(facts.owner_of(&fqdn).is_none(), "the domain was taken")?;
        facts.set(format!("{account}/domain/{fqdn}"), facts::domain(&docroot, false));
        Ok(())
    });
    Some(order)
}

/// A domain of an account.
fn some_domain(dice: &mut Dice, facts: &Facts) -> Option<(UserRef, Fqdn, String)> {
    let (user, account) = some_account(dice, facts)?;
    let fqdn = dice.pick(&facts.below(&format!("{account}/domain/")))?;
    Some((user, name(&fqdn), format!("{account}/domain/{fqdn}")))
}

pub(super) fn edit_domain(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fqdn, fact) = some_domain(dice, facts)?;
    let docroot = names::docroot(dice);
    let redirect = if dice.chance(50) { "on" } else { "auto" };
    let body = json!({ "docroot": docroot, "https_redirect": redirect });
    let command = parsed(body, EditDomain::parse);
    let (known, same) = (fact.clone(), docroot.clone());
    let order = Order::new(format!("serve {fact} from {docroot}, redirect {redirect}"), move |ctx| {
        let (user, fqdn, command) = (user.clone(), fqdn.clone(), command.clone());
        async move { app::edit_domain(&ctx, &user, &fqdn, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        expect(facts.has(&fact), "there is no such domain")?;
        facts.change(&fact, "docroot", json!(docroot));
        facts.change(&fact, "https_redirect", json!(redirect));
        Ok(())
    })
    .or_if(move |facts| {
        let now = facts.get(&known);
        now["docroot"] == json!(same) && now["https_redirect"] == json!(redirect)
    });
    Some(order)
}

pub(super) fn remove_domain(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fqdn, fact) = some_domain(dice, facts)?;
    let web_users = fact.replacen("/domain/", "/web/", 1) + "/";
    let order = Order::new(format!("remove {fact}"), move |ctx| {
        let (user, fqdn) = (user.clone(), fqdn.clone());
        async move { app::remove_domain(&ctx, &user, &fqdn, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        let removed = facts.remove(&fact).ok_or("there is no such domain")?;
        for login in facts.all_below(&web_users) {
            facts.remove(&format!("{web_users}{login}"));
        }
        expect(removed["primary"] == json!(false), "it is the primary domain")
    });
    Some(order)
}

/// Whoever asks here is an administrator, so every domain is active from the start.
pub(super) fn verify_domain(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fqdn, fact) = some_domain(dice, facts)?;
    let order = Order::new(format!("verify {fact}"), move |ctx| {
        let (user, fqdn) = (user.clone(), fqdn.clone());
        async move { app::verify_domain(&ctx, &user, &fqdn, Mode::Apply).await.map(drop) }
    })
    .then(|_, _| Err("it was active already".to_owned()))
    .or_if(|_| true);
    Some(order)
}

pub(super) fn approve_domain(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fqdn, fact) = some_domain(dice, facts)?;
    let order = Order::new(format!("approve {fact}"), move |ctx| {
        let (user, fqdn) = (user.clone(), fqdn.clone());
        async move { app::approve_domain(&ctx, &user, &fqdn, Mode::Apply).await.map(drop) }
    })
    .then(|_, _| Err("it was active already".to_owned()))
    .or_if(|_| true);
    Some(order)
}

/// Nothing orders here: what is asked for is only noted.
pub(super) fn renew_certificate(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fqdn, fact) = some_domain(dice, facts)?;
    let order = Order::new(format!("order a certificate for {fact}"), move |ctx| {
        let (user, fqdn) = (user.clone(), fqdn.clone());
        async move { app::renew_certificate(&ctx, &user, &fqdn, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| expect(facts.has(&fact), "there is no such domain"));
    Some(order)
}

pub(super) fn add_ssh_key(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, account) = some_account(dice, facts)?;
    let text = names::public_key(dice);
    let key: SshPublicKey = name(&text);
    let command = parsed(json!({ "key": text }), AddSshKey::parse);
    let order = Order::new(format!("add {} to {account}", key.fingerprint()), move |ctx| {
        let (user, command) = (user.clone(), command.clone());
        async move { app::add_ssh_key(&ctx, &user, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        let fact = format!("{account}/key/{}", key.fingerprint());
        expect(!facts.has(&fact), "it had the key already")?;
        facts.set(fact, json!(key.authorized_line()));
        Ok(())
    });
    Some(order)
}

pub(super) fn remove_ssh_key(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, account) = some_account(dice, facts)?;
    // A fingerprint may hold a slash.
    let prefix = format!("{account}/key/");
    let fingerprint = dice.pick(&facts.all_below(&prefix))?;
    let fact = format!("{prefix}{fingerprint}");
    let order = Order::new(format!("remove {fact}"), move |ctx| {
        let (user, fingerprint) = (user.clone(), fingerprint.clone());
        async move { app::remove_ssh_key(&ctx, &user, &fingerprint, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| facts.remove(&fact).map(drop).ok_or_else(|| "it did not have the key".to_owned()));
    Some(order)
}
