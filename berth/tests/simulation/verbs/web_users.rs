//! Web users of sites.

use berth_core::command::{AddWebUser, EditWebUser};
use berth_core::mode::Mode;
use berth_server::app::{self, SiteRef, WebUserRef};
use serde_json::json;

use super::accounts::some_account;
use super::{Order, expect, name, parsed};
use crate::dice::Dice;
use crate::facts::Facts;

/// What is between an account and its web users among the facts.
pub(super) fn prefix(account: &str, fqdn: &str) -> String {
    format!("{account}/web/{fqdn}/")
}

pub(super) fn add(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (_, account) = some_account(dice, facts)?;
    let fqdn = dice.pick(&facts.below(&format!("{account}/domain/")))?;
    let login = format!("Web{}", dice.below(1 << 20));
    let quota = 1 << (20 + dice.below(8));
    let site = SiteRef::Name(name(&fqdn));
    let body = json!({ "login": login, "quota_bytes": quota, "password_hash": "$6$salt$hash" });
    let command = parsed(body, AddWebUser::parse);
    let order = Order::new(format!("add the web user {login} to {fqdn}"), move |ctx| {
        let (site, command) = (site.clone(), command.clone());
        async move { app::add_web_user(&ctx, &site, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, entry| {
        let fact = format!("{}{login}", prefix(&account, &fqdn));
        expect(!facts.has(&fact), "the login was taken")?;
        let uid = &entry.detail["uid"];
        expect(uid.as_u64() > facts.get("newest uid").as_u64(), "its number may have been used before")?;
        facts.set("newest uid", uid.clone());
        facts.set(fact, json!({ "uid": uid, "quota": quota }));
        Ok(())
    });
    Some(order)
}

/// A web user, with the fact about them.
fn somebody(dice: &mut Dice, facts: &Facts) -> Option<(WebUserRef, String)> {
    let (_, account) = some_account(dice, facts)?;
    let all = facts.all_below(&format!("{account}/web/"));
    let rest = dice.pick(&all)?;
    let login = rest.rsplit('/').next()?;
    Some((WebUserRef::Login(name(login)), format!("{account}/web/{rest}")))
}

pub(super) fn edit(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let quota: u64 = 1 << (20 + dice.below(8));
    let command = parsed(json!({ "quota_bytes": quota }), EditWebUser::parse);
    let known = fact.clone();
    let order = Order::new(format!("give {fact} {quota} bytes"), move |ctx| {
        let (user, command) = (user.clone(), command.clone());
        async move { app::edit_web_user(&ctx, &user, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        expect(facts.has(&fact), "there is no such web user")?;
        facts.change(&fact, "quota", json!(quota));
        Ok(())
    })
    .or_if(move |facts| facts.get(&known)["quota"] == json!(quota));
    Some(order)
}

pub(super) fn delete(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let order = Order::new(format!("delete {fact}"), move |ctx| {
        let user = user.clone();
        async move { app::delete_web_user(&ctx, &user, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        facts.remove(&fact).map(drop).ok_or_else(|| "there was no such web user".to_owned())
    });
    Some(order)
}
