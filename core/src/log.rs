//! Logs of sites.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Code, Parse, Problem};

/// A log never grows beyond this many bytes; then it is renamed ([`rotated_name`]) and a new one begins. A site
/// thus takes at most six times as much.
pub const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The name of the part of a log before the present one.
pub fn rotated_name(name: &str) -> String {
    format!("{name}.1")
}

/// Which of a site's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    /// Requests, in Combined Log Format.
    Access,
    /// What the web server found wrong.
    Error,
    /// What PHP said.
    Php,
}

impl LogKind {
    /// Every log.
    pub const ALL: &'static [Self] = &[Self::Access, Self::Error, Self::Php];

    /// The word in input and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Error => "error",
            Self::Php => "php",
        }
    }

    /// The file in the directory of the site's logs.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Access => "access.log",
            Self::Error => "error.log",
            Self::Php => "php.log",
        }
    }
}

impl Parse for LogKind {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| {
            Problem::new(Code::ValueInvalid, format!("`{}` is not a log", crate::name::shown(text)))
                .hint("use access, error or php")
        })
    }
}

/// A text that shown lines contain, in whatever case: 1 to 200 characters of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct LogFilter(String);

impl LogFilter {
    /// Whether a line contains the text.
    pub fn matches(&self, line: &str) -> bool {
        line.to_lowercase().contains(&self.0.to_lowercase())
    }
}

impl Parse for LogFilter {
    fn parse(text: &str) -> Result<Self, Problem> {
        let length = text.chars().count();
        if (1..=200).contains(&length) && !text.chars().any(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        Err(Problem::new(Code::ValueInvalid, "this can't be looked for in a log")
            .hint("use 1 to 200 characters of one line"))
    }
}

impl TryFrom<String> for LogFilter {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<LogFilter> for String {
    fn from(filter: LogFilter) -> Self {
        filter.0
    }
}

/// How many lines of a log are asked for: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct LineCount(u32);

impl LineCount {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for LineCount {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u32> for LineCount {
    type Error = Problem;

    fn try_from(number: u32) -> Result<Self, Problem> {
        if (1..=1_000).contains(&number) {
            return Ok(Self(number));
        }
        Err(Problem::new(Code::ValueInvalid, format!("{number} is not a number of lines"))
            .hint("use 1 to 1000"))
    }
}

impl From<LineCount> for u32 {
    fn from(count: LineCount) -> Self {
        count.0
    }
}

impl Parse for LineCount {
    fn parse(text: &str) -> Result<Self, Problem> {
        let shown = crate::name::shown(text);
        let number: u32 = text.parse().map_err(|_| {
            Problem::new(Code::ValueInvalid, format!("`{shown}` is not a number of lines"))
                .hint("use 1 to 1000")
        })?;
        Self::try_from(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked_for() {
        assert_eq!(LineCount::parse("1000").unwrap().get(), 1_000);
        for bad in ["0", "1001", "-1", "", "ten"] {
            assert!(LineCount::parse(bad).is_err(), "{bad}");
        }
        assert!(LogFilter::parse("Fatal").unwrap().matches("PHP FATAL error"));
        assert!(!LogFilter::parse("[a").unwrap().matches("abc"), "it is a text, not an expression");
        for bad in ["", "a\nb", &"x".repeat(201)] {
            assert!(LogFilter::parse(bad).is_err());
        }
    }
}
