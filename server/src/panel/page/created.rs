//! What is shown once after a user was created: the password, and how everything comes to be.

use askama::Template;
use berth_core::view::CreatedUser;

use super::person::{Tile, tiles};
use crate::panel::shell::Shell;
use crate::panel::visitor::Visitor;

#[derive(Template)]
#[template(path = "user_created.html")]
pub(crate) struct Created {
    s: Shell,
    name: String,
    base: String,
    replayed: bool,
    password: Option<String>,
    /// The same as a text to keep.
    download: String,
    file: String,
    address: String,
    login: String,
    tiles: Vec<Tile>,
}

impl Created {
    pub(crate) fn new(v: &Visitor, created: CreatedUser) -> Self {
        let CreatedUser { user, password, conditions, replayed, .. } = created;
        let login = user.username.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string);
        let address = v.address("/login");
        let words = v.words;
        let download = format!(
            "{}: {address}\n{}: {login}\n{}: {}\n",
            words.t("created-sign-in-at"),
            words.t("created-sign-in-as"),
            words.t("created-password"),
            password.as_deref().unwrap_or_default(),
        );
        Self {
            s: v.shell("users", words.with("created-title", "name", &user.display_name)),
            base: format!("/users/{}", user.id),
            tiles: tiles(&conditions, words),
            name: user.display_name.to_string(),
            file: format!("{login}.txt"),
            replayed,
            password,
            download,
            address,
            login,
        }
    }
}
