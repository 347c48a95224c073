//! People.

use berth_core::audit::AuditEntry;
use berth_core::command::{CreateUser, EditUser, SetPassword};
use berth_core::mode::Mode;
use berth_core::role::{Role, UserRef};
use berth_core::ssh_key::SshPublicKey;
use berth_server::app;
use serde_json::{Map, Value, json};

use super::{Order, expect, name, parsed};
use crate::dice::Dice;
use crate::facts::{self, Facts};
use crate::names;

pub(super) fn create(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let email = names::email(dice);
    let mut body = json!({
        "email": email, "display_name": names::person(dice),
        "role": dice.pick(&["user", "user", "reseller", "admin"])?,
    });
    let person_only = body["role"] == "admin" && dice.chance(70);
    if !person_only {
        let (username, domain) = (names::username(dice), names::domain(dice));
        let keys: Vec<String> = (0..dice.below(3)).map(|_| names::public_key(dice)).collect();
        let mut keys = keys;
        keys.sort();
        keys.dedup();
        let hosting = json!({
            "username": username, "package": dice.pick(&facts.below("package/"))?, "primary_domain": domain,
            "sftp": dice.chance(80), "ssh_keys": keys,
        });
        body.as_object_mut()?.extend(hosting.as_object()?.clone());
    }
    if dice.chance(30) {
        body["password"] = json!("violet anchor 17 plateau");
    }
    let command = parsed(body.clone(), CreateUser::parse);
    let what = format!("create user {email} {}", body["username"]);
    let same = memory(&body);
    let mut order = Order::new(what, move |ctx| {
        let command = command.clone();
        async move { app::create_user(&ctx, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, entry| created(&body, facts, entry))
    // Somebody else has given the same command lately, and the answer is whom it created.
    .or_if(move |facts| facts.has(&same));
    order.repeatable = true;
    Some(order)
}

/// What the simulation remembers of a command that has created somebody.
fn memory(body: &Value) -> String {
    format!("created/{body}")
}

fn created(body: &Value, facts: &mut Facts, entry: &AuditEntry) -> Result<(), String> {
    let id = entry.user.ok_or("the audit log does not say who was created")?;
    let taken = facts
        .below("user/")
        .iter()
        .any(|other| facts.get(&format!("user/{other}"))["email"] == body["email"]);
    expect(!taken, "the address was taken")?;
    let user = json!({
        "login": body["username"], "email": body["email"], "display_name": body["display_name"],
        "role": body["role"], "phone": null, "address": null, "timezone": null, "language": "en",
    });
    facts.set(format!("user/{id}"), user);
    facts.set(memory(body), json!(true));
    let Some(username) = body["username"].as_str() else { return Ok(()) };
    let account = format!("account/{username}");
    expect(!facts.has(&account), "the username was taken")?;
    let uid = &entry.detail["account"]["uid"];
    let number_taken =
        facts.accounts().iter().any(|other| facts.get(&format!("account/{other}"))["uid"] == *uid);
    expect(!number_taken, "its number was in use")?;
    expect(uid.as_u64() > facts.get("newest uid").as_u64(), "its number may have been used before")?;
    facts.set("newest uid", uid.clone());
    let value = json!({ "user": id, "uid": uid, "package": body["package"], "sftp": body["sftp"] });
    facts.set(account.clone(), value);
    let domain = body["primary_domain"].as_str().unwrap_or_default();
    expect(facts.owner_of(domain).is_none(), "the domain was taken")?;
    facts.set(format!("{account}/domain/{domain}"), facts::domain("public_html", true));
    for key in facts::texts(&body["ssh_keys"]) {
        let key: SshPublicKey = name(&key);
        facts.set(format!("{account}/key/{}", key.fingerprint()), json!(key.authorized_line()));
    }
    Ok(())
}

/// Somebody, with the name of what is known about them.
pub(super) fn somebody(dice: &mut Dice, facts: &Facts) -> Option<(UserRef, String)> {
    let id = dice.pick(&facts.below("user/"))?;
    Some((UserRef::Id(id.parse().ok()?), format!("user/{id}")))
}

pub(super) fn edit(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let mut body = Map::new();
    if dice.chance(60) {
        body.insert("display_name".to_owned(), json!(names::person(dice)));
    }
    if dice.chance(30) {
        body.insert("email".to_owned(), json!(names::email(dice)));
    }
    if dice.chance(40) {
        body.insert("phone".to_owned(), dice.pick(&[json!("+49 30 1234567"), Value::Null])?);
    }
    if dice.chance(30) {
        body.insert("timezone".to_owned(), dice.pick(&[json!("Europe/Berlin"), json!("UTC"), Value::Null])?);
    }
    if dice.chance(30) {
        body.insert("language".to_owned(), dice.pick(&[json!("en"), json!("de")])?);
    }
    let command = parsed(Value::Object(body.clone()), EditUser::parse);
    let changed = move |user: &Value| {
        let mut user = user.clone();
        user.as_object_mut().unwrap().extend(body.clone());
        user
    };
    let (known, same) = (fact.clone(), changed.clone());
    let order = Order::new(format!("edit {fact}"), move |ctx| {
        let (user, command) = (user.clone(), command.clone());
        async move { app::edit_user(&ctx, &user, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        let new = changed(facts.get(&fact));
        facts.set(fact.clone(), new);
        Ok(())
    })
    .or_if(move |facts| facts.has(&known) && same(facts.get(&known)) == *facts.get(&known));
    Some(order)
}

pub(super) fn set_password(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let body = if dice.chance(50) { json!({ "password": "walnut ferry 62 umbrella" }) } else { json!({}) };
    let command = parsed(body, SetPassword::parse);
    Some(Order::new(format!("set the password of {fact}"), move |ctx| {
        let (user, command) = (user.clone(), command.clone());
        async move { app::set_password(&ctx, &user, command, Mode::Apply).await.map(drop) }
    }))
}

pub(super) fn set_role(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let role = dice.pick(Role::ALL)?;
    let known = fact.clone();
    let order = Order::new(format!("make {fact} a {role}"), move |ctx| {
        let user = user.clone();
        async move { app::set_role(&ctx, &user, role, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        facts.change(&fact, "role", json!(role));
        let admins =
            facts.below("user/").iter().any(|id| facts.get(&format!("user/{id}"))["role"] == "admin");
        expect(admins, "no administrator is left")
    })
    .or_if(move |facts| facts.get(&known)["role"] == json!(role));
    Some(order)
}
