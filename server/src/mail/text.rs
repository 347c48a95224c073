//! What a mail says, as text and as HTML, in its reader's language.

use std::sync::LazyLock;

use berth_core::mail::MailKind;
use berth_core::user::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

type Catalogue = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| read("en", include_str!("../../locales/en/mail.ftl")));
static GERMAN: LazyLock<Catalogue> = LazyLock::new(|| read("de", include_str!("../../locales/de/mail.ftl")));

fn read(language: &str, text: &str) -> Catalogue {
    let mut bundle = FluentBundle::new_concurrent(language.parse().into_iter().collect());
    // A test makes sure that every catalogue reads without an error; what reads counts in any case.
    let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    // Marks of direction around values would end up in addresses that people copy.
    bundle.set_use_isolating(false);
    bundle
}

/// What the text of a mail names.
#[derive(Clone, Default)]
pub(crate) struct Words {
    /// Whom the mail greets.
    pub(crate) name: String,
    /// What they sign in with.
    pub(crate) username: String,
    /// The panel's address.
    pub(crate) panel: String,
    /// Who sends.
    pub(crate) sender: String,
    /// Where to find help.
    pub(crate) support: Option<String>,
    /// Who invites.
    pub(crate) inviter: String,
    /// The address that shall be the new one.
    pub(crate) email: String,
    /// The link, and until when it works.
    pub(crate) link: Option<(String, String)>,
    /// The password itself, if the operator wants it so.
    pub(crate) password: Option<zeroize::Zeroizing<String>>,
}

/// A mail's subject, text and HTML.
pub(crate) struct Composed {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// Puts a mail together.
pub(crate) fn compose(kind: MailKind, language: Language, words: &Words) -> Composed {
    let catalogue = match language {
        Language::En => &*ENGLISH,
        Language::De => &*GERMAN,
    };
    let mut args = FluentArgs::new();
    for (key, value) in [
        ("name", words.name.as_str()),
        ("username", &words.username),
        ("panel", &words.panel),
        ("sender", &words.sender),
        ("support", words.support.as_deref().unwrap_or_default()),
        ("inviter", &words.inviter),
        ("email", &words.email),
        ("until", words.link.as_ref().map_or("", |(_, until)| until)),
        ("password", words.password.as_ref().map_or("", |password| password)),
    ] {
        args.set(key, FluentValue::from(value));
    }
    let say = |message: &str| say(catalogue, message, &args);
    let key = kind.as_str().replace('_', "-");
    let mut paragraphs = vec![say("greeting"), say(&format!("{key}-body"))];
    if words.password.is_some() {
        paragraphs.push(say("welcome-password"));
    } else if let Some((link, _)) = &words.link {
        paragraphs.push(format!("{}\n{link}", say(&format!("{key}-action"))));
        paragraphs.push(say("until"));
    }
    if words.support.is_some() {
        paragraphs.push(say("support"));
    }
    paragraphs.push(say("signature"));
    Composed {
        subject: one_line(&say(&format!("{key}-subject"))),
        html: html(language, &paragraphs, words.link.as_ref().map(|(link, _)| link.as_str())),
        text: paragraphs.join("\n\n") + "\n",
    }
}

fn say(catalogue: &Catalogue, message: &str, args: &FluentArgs<'_>) -> String {
    let Some(pattern) = catalogue.get_message(message).and_then(|found| found.value()) else {
        return String::new();
    };
    catalogue.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned()
}

/// A subject on one line, whatever came in: nothing of it can begin a header of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn html(language: Language, paragraphs: &[String], link: Option<&str>) -> String {
    let mut body = String::new();
    for paragraph in paragraphs {
        let mut escaped = escape(paragraph).replace('\n', "<br>");
        if let Some(link) = link {
            let link = escape(link);
            escaped = escaped.replace(&link, &format!("<a href=\"{link}\">{link}</a>"));
        }
        body.push_str("<p>");
        body.push_str(&escaped);
        body.push_str("</p>\n");
    }
    format!(
        "<!doctype html>\n<html lang=\"{}\"><body style=\"font-family:sans-serif;line-height:1.5;max-width:36em\">\n\
         {body}</body></html>\n",
        language.as_str()
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words {
            name: "<script>alert(1)</script>".to_owned(),
            username: "alice".to_owned(),
            panel: "https://panel.example.com".to_owned(),
            sender: "Berth".to_owned(),
            support: Some("help@example.com".to_owned()),
            inviter: "Ana\r\nBcc: x@example.com".to_owned(),
            email: "new@example.com".to_owned(),
            link: Some(("https://panel.example.com/recover/ab".to_owned(), "2026-01-01 10:00".to_owned())),
            password: None,
        }
    }

    #[test]
    fn every_mail_is_whole_in_both_languages_and_nothing_typed_is_markup() {
        for text in [include_str!("../../locales/en/mail.ftl"), include_str!("../../locales/de/mail.ftl")] {
            assert!(FluentResource::try_new(text.to_owned()).is_ok());
        }
        for kind in MailKind::ALL {
            let mut seen = Vec::new();
            for language in [Language::En, Language::De] {
                let mail = compose(*kind, language, &words());
                assert!(!mail.subject.is_empty() && !mail.subject.contains(['\r', '\n', '{']), "{kind:?}");
                assert!(mail.text.contains("alice") || mail.text.contains("panel.example.com"), "{kind:?}");
                assert!(
                    !mail.text.contains('{') && !mail.text.contains("\n\n\n\n"),
                    "{kind:?}: {}",
                    mail.text
                );
                assert!(!mail.html.contains("<script>"), "{kind:?}");
                seen.push(mail.text);
            }
            assert_ne!(seen[0], seen[1], "{kind:?}");
        }
        let recovery = compose(MailKind::Recovery, Language::En, &words());
        assert!(recovery.html.contains("<a href=\"https://panel.example.com/recover/ab\">"));
    }
}
