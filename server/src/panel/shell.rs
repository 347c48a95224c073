//! The frame around a page: who looks at it, in which language, and what they find in the rail.

use berth_core::policy::{Action, Decision, Relation, decide};
use berth_core::role::Actor;
use berth_core::view::UserView;
use chrono::{DateTime, Utc};

use super::assets;
use super::words::Words;

/// What every page knows. Templates call it `s`.
#[derive(Clone)]
pub(crate) struct Shell {
    pub(crate) words: Words,
    pub(crate) now: DateTime<Utc>,
    pub(crate) theme: Option<&'static str>,
    pub(crate) title: String,
    /// The entry of the rail that the page belongs to.
    pub(crate) section: &'static str,
    pub(crate) csrf: String,
    pub(crate) me: Option<Me>,
    pub(crate) nav: Vec<NavItem>,
    /// What has just been done.
    pub(crate) done: Option<String>,
}

/// Who looks at the page.
#[derive(Clone)]
pub(crate) struct Me {
    pub(crate) name: String,
    pub(crate) initials: String,
    /// The administrator who acts in their place, and for how many minutes still.
    pub(crate) behind: Option<(String, u64)>,
}

/// An entry of the rail.
#[derive(Clone)]
pub(crate) struct NavItem {
    pub(crate) key: &'static str,
    pub(crate) path: &'static str,
}

#[expect(
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    reason = "templates call methods, and pass fields by reference"
)]
impl Shell {
    /// The frame for somebody who has not signed in.
    pub(crate) fn door(words: Words, now: DateTime<Utc>, theme: Option<&'static str>, csrf: String) -> Self {
        Self {
            words,
            now,
            theme,
            title: String::new(),
            section: "",
            csrf,
            me: None,
            nav: Vec::new(),
            done: None,
        }
    }

    /// The same frame with the title of a page, out of the catalogue.
    #[must_use]
    pub(crate) fn titled(mut self, section: &'static str, title: impl Into<String>) -> Self {
        self.title = title.into();
        self.section = section;
        self
    }

    pub(crate) fn lang(&self) -> &'static str {
        self.words.0.as_str()
    }

    pub(crate) fn style(&self) -> String {
        assets::style()
    }

    pub(crate) fn script(&self) -> String {
        assets::script()
    }

    pub(crate) fn t(&self, key: &str) -> String {
        self.words.t(key)
    }

    pub(crate) fn with(&self, key: &str, name: &str, value: impl std::fmt::Display) -> String {
        self.words.with(key, name, value)
    }

    pub(crate) fn of(&self, kind: &str, value: impl std::fmt::Display) -> String {
        self.words.of(kind, value)
    }

    pub(crate) fn count(&self, key: &str, count: &u64) -> String {
        self.words.count(key, *count)
    }

    pub(crate) fn ago(&self, at: &DateTime<Utc>) -> String {
        self.words.ago(self.now, *at)
    }

    pub(crate) fn exact(&self, at: &DateTime<Utc>) -> String {
        at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    pub(crate) fn is(&self, section: &str) -> bool {
        self.section == section
    }
}

/// What the actor finds in the rail: policy decides.
pub(crate) fn rail(actor: &Actor, me: &UserView) -> Vec<NavItem> {
    let may = |action, relation| decide(actor, action, relation) == Decision::Allow;
    let mut items = Vec::new();
    let mut add = |shown: bool, key: &'static str, path: &'static str| {
        if shown {
            items.push(NavItem { key, path });
        }
    };
    let operates = may(Action::UserCreate, Relation::Installation);
    add(operates, "users", "/users");
    add(may(Action::PackageRead, Relation::Installation), "plans", "/plans");
    add(may(Action::NodeRead, Relation::Installation), "nodes", "/nodes");
    let hosted = me.account.is_some();
    add(hosted, "overview", "/overview");
    add(hosted, "sites", "/sites");
    add(hosted, "keys", "/keys");
    add(hosted, "timers", "/timers");
    add(hosted, "egress", "/egress");
    add(may(Action::AuditRead, Relation::Installation), "activity", "/activity");
    add(may(Action::AuditRead, Relation::Installation), "audit", "/audit");
    items
}

/// The letters that stand for somebody in lists.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    let (first, last) = (words.next(), words.next_back());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_of_names() {
        for (name, expected) in
            [("Alice Smith", "AS"), ("bob", "B"), ("Ana María de la Cruz", "AC"), ("", "")]
        {
            assert_eq!(initials(name), expected);
        }
    }
}
