//! `/users`.

use berth_core::command::PutExternalUser;
use berth_core::mode::Mode;
use berth_core::name::Login;
use berth_core::role::Role;
use berth_core::website::{ExternalUserView, Website, WebsitePath};
use berth_core::{Code, Fields, Parse, Problem, Problems};
use serde_json::{Map, Value, json};

use super::envelope::Envelope;
use crate::app::{self, Ctx, ListExternalUsers};

/// How many users a page has unless the client says otherwise.
const PAGE: u32 = 50;
/// How many it has at most.
const PAGE_MAX: u32 = 500;

/// What `POST /users` reads. Clients send more than that, and always have.
const FIELDS: &[&str] = &["id", "email", "language", "package", "parent", "suspended", "type", "websites"];

/// What it reads of a website.
const WEBSITE_FIELDS: &[&str] = &[
    "path",
    "vhosts",
    "databases",
    "uid",
    "gid",
    "label",
    "language",
    "server",
    "suspended",
    "vhost_ip",
    "email",
    "parent",
    "reseller",
];

/// What it reads of a database.
const DATABASE_FIELDS: &[&str] = &["type", "host", "name", "user", "pass"];

/// `GET /users`
pub(super) async fn list(ctx: &Ctx, query: &str) -> Result<Envelope, Problems> {
    let mut page = ListExternalUsers { offset: 0, limit: PAGE };
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let invalid = || {
            Problems::from(
                Problem::new(Code::ValueInvalid, format!("`{name}` is not a number")).at(name.as_ref()),
            )
        };
        match name.as_ref() {
            "offset" => page.offset = value.parse().map_err(|_| invalid())?,
            "limit" => page.limit = value.parse::<u32>().map_err(|_| invalid())?.clamp(1, PAGE_MAX),
            _ => {}
        }
    }
    let (users, total) = app::list_external_users(ctx, page).await?;
    Ok(Envelope::page(Value::Array(users.iter().map(user_data).collect()), total))
}

/// `GET /users/{id}`
pub(super) async fn show(ctx: &Ctx, id: &str) -> Result<Envelope, Problems> {
    let view = app::show_external_user(ctx, &login_of(id)?).await?;
    Ok(Envelope::done(user_data(&view)))
}

/// `POST /users`, and `POST /users/{id}` for one who is there.
pub(super) async fn put(ctx: &Ctx, id: Option<&str>, body: Map<String, Value>) -> Result<Envelope, Problems> {
    let mode = dry_run(&body)?;
    let mut fields: Map<String, Value> =
        body.into_iter().filter(|(name, _)| FIELDS.contains(&name.as_str())).collect();
    if let Some(id) = id {
        // The path names who is edited; they have to be there.
        app::show_external_user(ctx, &login_of(id)?).await?;
        fields.insert("id".to_owned(), Value::String(id.to_owned()));
    }
    switch(&mut fields, "suspended");
    if let Some(Value::Array(websites)) = fields.get_mut("websites") {
        for website in websites {
            tidy_website(website);
        }
    } else if fields.get("websites").is_some_and(is_empty) {
        fields.insert("websites".to_owned(), Value::Array(Vec::new()));
    }
    let command = PutExternalUser::parse(Fields::new(fields), false)?;
    match app::put_external_user(ctx, command, mode).await?.done() {
        Some(view) => Ok(Envelope::done(user_data(&view))),
        None => Ok(Envelope::rehearsed()),
    }
}

/// `DELETE /users/{id}`
pub(super) async fn delete(ctx: &Ctx, id: &str, body: Map<String, Value>) -> Result<Envelope, Problems> {
    let mode = dry_run(&body)?;
    match app::forget_external_user(ctx, &login_of(id)?, mode).await?.done() {
        Some(()) => Ok(Envelope::done(Value::Null)),
        None => Ok(Envelope::rehearsed()),
    }
}

/// The id in a path. One that can't be a user's is as good as one that is not there.
fn login_of(id: &str) -> Result<Login, Problems> {
    if id.is_empty() {
        return Err(Problem::new(Code::FieldMissing, "the user is missing").at("user").into());
    }
    Login::parse(id).map_err(|_| Problem::new(Code::UserNotFound, "there is no such user").into())
}

fn dry_run(body: &Map<String, Value>) -> Result<Mode, Problems> {
    match body.get("dryrun") {
        None | Some(Value::Null) => Ok(Mode::Apply),
        Some(Value::String(text)) => match text.as_str() {
            "" | "none" => Ok(Mode::Apply),
            "input" => Ok(Mode::CheckOnly),
            "all" => Ok(Mode::CheckAll),
            other => Err(Problem::new(Code::ValueInvalid, format!("`{other}` is not a kind of dry run"))
                .at("dryrun")
                .hint("use none, input or all")
                .into()),
        },
        Some(_) => Err(Problem::new(Code::ValueInvalid, "expected none, input or all").at("dryrun").into()),
    }
}

/// Forms and older clients have no type but text.
fn tidy_website(website: &mut Value) {
    let Value::Object(map) = website else { return };
    map.retain(|name, _| WEBSITE_FIELDS.contains(&name.as_str()));
    switch(map, "suspended");
    for name in ["uid", "gid"] {
        match map.get(name) {
            Some(Value::String(text)) if text.is_empty() => drop(map.remove(name)),
            Some(Value::String(text)) => {
                if let Ok(number) = text.parse::<u64>() {
                    map.insert(name.to_owned(), number.into());
                }
            }
            _ => {}
        }
    }
    if map.get("databases").is_some_and(is_empty) {
        map.remove("databases");
    }
    if let Some(Value::Array(databases)) = map.get_mut("databases") {
        for database in databases {
            if let Value::Object(map) = database {
                map.retain(|name, _| DATABASE_FIELDS.contains(&name.as_str()));
            }
        }
    }
}

/// PHP has one empty value for lists and objects, and forms have an empty text.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

fn switch(map: &mut Map<String, Value>, name: &str) {
    let read = match map.get(name) {
        Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" | "" => Some(false),
            _ => None,
        },
        Some(Value::Number(number)) => match number.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        _ => None,
    };
    if let Some(value) = read {
        map.insert(name.to_owned(), Value::Bool(value));
    }
}

fn user_data(view: &ExternalUserView) -> Value {
    // `preserve_order` is off, so names come sorted; clients read them by name.
    json!({
        "id": view.login,
        "parent": view.parent,
        "type": if view.role == Role::User { "user" } else { "reseller" },
        "suspended": view.suspended,
        "locale": view.locale.as_str(),
        "email": view.email.as_ref().map_or("", |email| email.as_str()),
        "package": view.package.as_ref().map_or("", |package| package.as_str()),
        "websites": view.websites.iter().map(|site| website_data(site, &view.parent)).collect::<Vec<_>>(),
    })
}

fn website_data(site: &Website, parent: &Login) -> Value {
    let databases: Vec<Value> = site
        .databases
        .iter()
        .map(|database| {
            json!({
                "type": "mysql",
                "host": database.host.as_str(),
                "user": database.user.as_str(),
                "name": database.name.as_str(),
                "pass": database.pass.expose(),
            })
        })
        .collect();
    let vhosts: Map<String, Value> = site
        .vhosts
        .iter()
        .map(|(url, directory)| (url.as_str().to_owned(), Value::String(directory.as_str().to_owned())))
        .collect();
    let mut data = json!({
        "path": site.path.as_ref().map(WebsitePath::expose),
        "label": site.label.as_str(),
        "server": site.server(),
        "parent": site.parent.as_ref().unwrap_or(parent),
        "databases": databases,
        "vhosts": vhosts,
    });
    let Some(map) = data.as_object_mut() else { return data };
    // What was not said is not in the vendor's own examples either.
    if let Some(ids) = site.ids {
        map.insert("uid".to_owned(), ids.uid.into());
        map.insert("gid".to_owned(), ids.gid.into());
    }
    if let Some(language) = &site.language {
        map.insert("language".to_owned(), language.as_str().into());
    }
    if site.suspended {
        map.insert("suspended".to_owned(), true.into());
    }
    if let Some(ip) = site.vhost_ip {
        map.insert("vhost_ip".to_owned(), ip.to_string().into());
    }
    if let Some(email) = &site.email {
        map.insert("email".to_owned(), email.as_str().into());
    }
    data
}
