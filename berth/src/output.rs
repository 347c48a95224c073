//! What goes to the terminal: JSON for programs, lines and tables for people.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::Value;
use tabled::builder::Builder;
use tabled::settings::{Padding, Style};

use crate::failure::Failure;

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    json: bool,
}

impl Console {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the caller is a program.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person watches standard error, so that lines may be redrawn there.
    pub(crate) fn is_live() -> bool {
        std::io::stderr().is_terminal()
    }

    /// Prints the answer: the JSON itself, or what `human` makes of it.
    pub(crate) fn answer<T: Serialize>(self, value: &T, human: impl FnOnce() -> String) {
        if self.json {
            Self::line(&serde_json::to_string_pretty(value).unwrap_or_default());
        } else {
            Self::line(human().trim_end());
        }
    }

    /// A line on standard output. Whoever reads may have gone (`berth user list | head`): that is no error.
    pub(crate) fn line(text: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Something that is worth knowing but is not the answer.
    pub(crate) fn note(text: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{}", clean(&text.to_string()));
    }

    /// Prints a failure: one line per problem on standard error, and the document on standard output for
    /// programs, unless the answer is there already.
    pub(crate) fn failure(self, failure: &Failure) {
        let document = &failure.document;
        if document.problems.is_empty() {
            Self::note(format!("{} [{}]", document.detail, document.code));
        }
        for problem in &document.problems {
            Self::note(problem);
        }
        if let Some(request) = &document.request_id {
            Self::note(format!("request {request}"));
        }
        if self.json && !failure.answered {
            Self::line(&serde_json::to_string_pretty(document).unwrap_or_default());
        }
    }
}

/// A table with a header.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut builder = Builder::default();
    builder.push_record(header);
    for row in rows {
        builder.push_record(row.map(|cell| clean(&cell)));
    }
    let table = builder.build().with(Style::empty()).with(Padding::new(0, 2, 0, 0)).to_string();
    table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Names and values below each other.
pub(crate) fn sheet(rows: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    let mut builder = Builder::default();
    for (name, value) in rows {
        if let Some(value) = value {
            builder.push_record([name.to_owned(), clean(&value)]);
        }
    }
    let table = builder.build().with(Style::empty()).with(Padding::new(0, 2, 0, 0)).to_string();
    table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Text without control characters: what a server or a tenant wrote must not steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A JSON value as people read it.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A value that may be absent, for a cell of a table.
pub(crate) fn cell<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `yes` or `no`.
pub(crate) fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_harmless() {
        let shown = table(["NAME", "ROLE"], [["alice".to_owned(), "user\u{1b}[2J".to_owned()]]);
        assert_eq!(shown, "NAME   ROLE\nalice  user [2J");
    }

    #[test]
    fn sheets_leave_out_what_is_absent() {
        let shown =
            sheet([("id", Some("1".to_owned())), ("phone", None), ("email", Some("a@b.c".to_owned()))]);
        assert_eq!(shown, "id     1\nemail  a@b.c");
    }
}
