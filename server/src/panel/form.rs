//! Forms: what a browser sends, and what a page shows of it again beside its problems.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use axum::http::header;
use berth_core::{Code, Fields, Problem, Problems};
use serde_json::{Map, Value};

use super::answer::Refused;
use super::words::Words;
use crate::rest::{Rest, read_body};

/// The fields of a form by name; a name may occur several times.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sent(BTreeMap<String, Vec<String>>);

impl FromRequest<Rest> for Sent {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &Rest) -> Result<Self, Refused> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = declared.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refused::new(Code::MediaTypeUnsupported, "this is not a form of a page"));
        }
        let body = read_body(request).await.map_err(|refusal| Refused(refusal.problems().clone()))?;
        Ok(Self::read(&body))
    }
}

impl Sent {
    fn read(body: &[u8]) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            // A text area sends line ends of its own; what was typed has none of them.
            fields.entry(name.into_owned()).or_default().push(value.replace("\r\n", "\n"));
        }
        Self(fields)
    }

    /// The last value of a name; browsers send a hidden default before a checked box.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(|values| values.last()).map_or("", String::as_str)
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.text(name) == "on"
    }

    /// The named fields as a verb reads them: texts as they are, boxes as true or false.
    pub(crate) fn fields(&self, texts: &[&str], boxes: &[&str]) -> Fields {
        let mut map = Map::new();
        for &name in texts {
            if self.0.contains_key(name) {
                map.insert(name.to_owned(), Value::String(self.text(name).trim().to_owned()));
            }
        }
        for &name in boxes {
            map.insert(name.to_owned(), Value::Bool(self.is_on(name)));
        }
        Fields::new(map)
    }
}

/// A form as a page shows it. Templates call it `f`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    values: BTreeMap<String, String>,
    errors: BTreeMap<String, String>,
    /// Problems that no field of the form is to blame for.
    pub(crate) others: Vec<String>,
}

impl Form {
    /// A form that nobody has filled in yet.
    pub(crate) fn new(defaults: &[(&str, &str)]) -> Self {
        let values = defaults.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { values, ..Self::default() }
    }

    /// What was sent, with the problems that it has. A password is not shown again.
    pub(crate) fn refused(sent: &Sent, shown: &[&str], problems: &Problems, words: Words) -> Self {
        let values = shown
            .iter()
            .filter(|name| !name.contains("password"))
            .map(|&name| (name.to_owned(), sent.text(name).to_owned()))
            .collect();
        let mut form = Self { values, ..Self::default() };
        for problem in problems {
            form.blame(problem, shown, words);
        }
        form
    }

    fn blame(&mut self, problem: &Problem, shown: &[&str], words: Words) {
        let text = words.problem(problem);
        let field = problem.field.as_deref().map(|field| field.split('[').next().unwrap_or(field));
        match field.filter(|field| shown.contains(field)) {
            Some(field) => {
                let slot = self.errors.entry(field.to_owned()).or_default();
                if !slot.is_empty() {
                    slot.push(' ');
                }
                slot.push_str(&text);
            }
            None => self.others.push(text),
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.is(name, "on")
    }

    pub(crate) fn error(&self, name: &str) -> &str {
        self.errors.get(name).map_or("", String::as_str)
    }

    pub(crate) fn has_error(&self, name: &str) -> bool {
        self.errors.contains_key(name)
    }

    pub(crate) fn is_refused(&self) -> bool {
        !self.errors.is_empty() || !self.others.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_line_ends() {
        let sent = Sent::read(b"sftp=off&sftp=on&note=a%0D%0Ab&user=1&user=2&x=%3Cb%3E");
        assert!(sent.is_on("sftp") && !sent.is_on("other"));
        assert_eq!(sent.text("note"), "a\nb");
        assert_eq!(sent.text("x"), "<b>");
    }

    #[test]
    fn passwords_are_not_shown_again_and_problems_stand_beside_their_field() {
        let sent = Sent::read(b"email=x&password=secret-password");
        let problems: Problems = [
            Problem::new(Code::EmailInvalid, "no @").at("email"),
            Problem::new(Code::SshKeyInvalid, "no key").at("ssh_keys[0]"),
            Problem::new(Code::Unavailable, "the database does not answer"),
        ]
        .into_iter()
        .collect();
        let shown = ["email", "password", "ssh_keys"];
        let form = Form::refused(&sent, &shown, &problems, Words(berth_core::user::Language::En));
        assert_eq!((form.value("email"), form.value("password")), ("x", ""));
        assert!(form.has_error("email") && form.has_error("ssh_keys") && form.is_refused());
        assert_eq!(form.others.len(), 1);
    }
}
