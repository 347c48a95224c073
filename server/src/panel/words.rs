//! The words of pages, in the languages that Berth speaks. Every text is in the catalogues of
//! `locales`; a test compares them with each other and with what pages ask for.

use std::fmt::Display;
use std::sync::LazyLock;

use axum::http::{HeaderMap, header};
use berth_core::user::Language;
use berth_core::{Parse, Problem};
use chrono::{DateTime, TimeDelta, Utc};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

const ENGLISH: &str = include_str!("../../locales/en/panel.ftl");
const GERMAN: &str = include_str!("../../locales/de/panel.ftl");

type Catalogue = FluentBundle<FluentResource>;

static CATALOGUES: LazyLock<[Catalogue; 2]> =
    LazyLock::new(|| [catalogue("en", ENGLISH), catalogue("de", GERMAN)]);

fn catalogue(language: &str, source: &str) -> Catalogue {
    let language: Option<LanguageIdentifier> = language.parse().ok();
    let mut bundle = FluentBundle::new_concurrent(language.into_iter().collect());
    // Marks around inserted texts would be copied along with them.
    bundle.set_use_isolating(false);
    // A catalogue with a mistake still holds what could be read of it; a test refuses the mistake.
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(read, _)| read);
    let _ = bundle.add_resource(resource);
    bundle
}

/// The words in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Language);

impl Words {
    /// The language that a browser asks for, among those that we speak.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let asked =
            headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let language = asked
            .split(',')
            .filter_map(|part| part.split([';', '-']).next())
            .find_map(|tag| Language::parse(tag.trim()).ok());
        Self(language.unwrap_or_default())
    }

    /// A text without parts that vary.
    pub(crate) fn t(self, key: &str) -> String {
        self.format(key, &FluentArgs::new())
    }

    /// A text about one thing.
    pub(crate) fn with(self, key: &str, name: &str, value: impl Display) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set(name, value.to_string());
        self.format(key, &arguments)
    }

    /// A text about `$count` things.
    pub(crate) fn count(self, key: &str, count: u64) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set("count", count);
        self.format(key, &arguments)
    }

    /// The word for a value out of a fixed set, such as a role.
    pub(crate) fn of(self, kind: &str, value: impl Display) -> String {
        let key = format!("{kind}-{value}").replace(['.', '+'], "-");
        self.find(&key, &FluentArgs::new()).unwrap_or_else(|| value.to_string())
    }

    /// What is wrong, for whoever filled in the form.
    pub(crate) fn problem(self, problem: &Problem) -> String {
        let known = self.find(&format!("problem-{}", problem.code), &FluentArgs::new());
        known.unwrap_or_else(|| sentence(&problem.detail))
    }

    /// How long ago something was.
    pub(crate) fn ago(self, now: DateTime<Utc>, at: DateTime<Utc>) -> String {
        let passed = now - at;
        let whole = |count: i64| u64::try_from(count).unwrap_or_default();
        if passed < -TimeDelta::minutes(1) {
            let ahead = -passed;
            match ahead.num_minutes() {
                minutes @ ..60 => self.count("in-minutes", whole(minutes)),
                _ if ahead.num_hours() < 48 => self.count("in-hours", whole(ahead.num_hours())),
                _ => self.count("in-days", whole(ahead.num_days())),
            }
        } else if passed < TimeDelta::minutes(1) {
            self.t("ago-now")
        } else if passed < TimeDelta::hours(1) {
            self.count("ago-minutes", whole(passed.num_minutes()))
        } else if passed < TimeDelta::hours(48) {
            self.count("ago-hours", whole(passed.num_hours()))
        } else if passed < TimeDelta::days(45) {
            self.count("ago-days", whole(passed.num_days()))
        } else {
            at.format("%Y-%m-%d").to_string()
        }
    }

    /// A text that may not be there, about several things.
    pub(crate) fn find_with(self, key: &str, values: &[(&'static str, &str)]) -> Option<String> {
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(*name, (*value).to_owned());
        }
        self.find(key, &arguments)
    }

    /// The sentence for something that has just been done, by the key in an address.
    pub(crate) fn done(self, key: &str) -> Option<String> {
        self.find(&format!("notice-{key}"), &FluentArgs::new())
    }

    fn format(self, key: &str, arguments: &FluentArgs<'_>) -> String {
        self.find(key, arguments).unwrap_or_else(|| {
            tracing::error!(key, language = self.0.as_str(), "a page asks for a text that no catalogue has");
            key.to_owned()
        })
    }

    fn find(self, key: &str, arguments: &FluentArgs<'_>) -> Option<String> {
        let [english, german] = &*CATALOGUES;
        let bundle = match self.0 {
            Language::En => english,
            Language::De => german,
        };
        let pattern = bundle.get_message(key)?.value()?;
        let mut faults = Vec::new();
        let text = bundle.format_pattern(pattern, Some(arguments), &mut faults);
        Some(text.into_owned())
    }
}

/// A text of the catalogue of problems as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;

    /// Keys that are put together from a kind and a value.
    const KINDS: &[&str] = &[
        "role",
        "state",
        "resource",
        "done",
        "problem",
        "act",
        "limit",
        "tab",
        "egress",
        "timer-mode",
        "member",
        "change",
        "what",
        "domain",
        "outcome",
        "level",
        "reason",
        "feature",
        "nav",
        "notice",
        "filter",
        "login-outcome",
        "role-help",
        "theme",
        "log",
        "usage",
    ];

    /// Every key of a catalogue with the names that its text needs.
    fn keys(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| errors).unwrap();
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in source.lines() {
            if let Some((key, _)) = line.split_once(" =").filter(|_| line.starts_with(char::is_alphabetic)) {
                key.clone_into(&mut current);
                let before = found.insert(current.clone(), BTreeSet::new());
                assert!(before.is_none(), "{key} is there twice");
            }
            for part in line.split("{ $").skip(1) {
                let name = part.split([' ', '}']).next().unwrap().to_owned();
                found.get_mut(&current).unwrap().insert(name);
            }
        }
        found
    }

    fn sources(dir: &Path, found: &mut String) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if !path.ends_with("words.rs") {
                found.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn catalogues_hold_the_same_texts_with_the_same_parts() {
        let (english, german) = (keys(ENGLISH), keys(GERMAN));
        for (key, names) in &english {
            assert_eq!(german.get(key), Some(names), "{key} in German");
        }
        for key in german.keys() {
            assert!(english.contains_key(key), "{key} is only in German");
        }
    }

    #[test]
    fn pages_ask_for_nothing_else_and_nothing_is_left_over() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        sources(&root.join("templates"), &mut text);
        sources(&root.join("src/panel"), &mut text);
        let known = keys(ENGLISH);
        let mut asked = BTreeSet::new();
        for call in [".t(\"", ".with(\"", ".count(\""] {
            for rest in text.split(call).skip(1) {
                asked.insert(rest.split('"').next().unwrap().to_owned());
            }
        }
        let missing: Vec<_> = asked.iter().filter(|key| !known.contains_key(*key)).collect();
        assert!(missing.is_empty(), "no catalogue has {missing:?}");
        let own = ["in-minutes", "in-hours", "in-days", "ago-now", "ago-minutes", "ago-hours", "ago-days"];
        let unused: Vec<_> = known
            .keys()
            .filter(|key| !asked.contains(*key) && !own.contains(&key.as_str()))
            .filter(|key| !KINDS.iter().any(|kind| key.starts_with(&format!("{kind}-"))))
            .collect();
        assert!(unused.is_empty(), "nothing asks for {unused:?}");
    }

    #[test]
    fn languages_and_moments() {
        let asked = |text: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, text.parse().unwrap())]);
            Words::accepted(&headers).0
        };
        assert_eq!(asked("fr-FR,de-DE;q=0.8,en;q=0.5"), Language::De);
        assert_eq!(asked("fr"), Language::En);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ago = |seconds: i64| Words(Language::En).ago(now, now - TimeDelta::seconds(seconds));
        assert_eq!(ago(5), "just now");
        assert_eq!(ago(60), "1 minute ago");
        assert_eq!(ago(7200), "2 hours ago");
        assert_eq!(ago(-7200), "in 2 hours");
        assert_eq!(ago(86_400 * 100), "2026-10-07");
    }
}
