//! What a person's profile holds beside name and address.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::{shown, text_newtype};
use crate::{Code, Parse, Problem};

pub(crate) fn one_line(text: &str, max: usize, what: &str) -> Result<String, Problem> {
    let text = text.trim();
    let count = text.chars().count();
    if count == 0 || count > max || text.chars().any(char::is_control) {
        return Err(Problem::new(Code::ValueInvalid, format!("`{}` can't be {what}", shown(text)))
            .hint(format!("use 1 to {max} characters on one line")));
    }
    Ok(text.to_owned())
}

/// A telephone number as people write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "+49 30 1234567")]
pub struct Phone(String);
text_newtype!(Phone);

impl Parse for Phone {
    fn parse(text: &str) -> Result<Self, Problem> {
        let line = one_line(text, 32, "a telephone number")?;
        if line.chars().all(|c| c.is_ascii_digit() || "+-/(). x".contains(c)) {
            Ok(Self(line))
        } else {
            Err(Problem::new(Code::ValueInvalid, format!("`{}` can't be a telephone number", shown(text)))
                .hint("use digits, blanks and + - / ( ) ."))
        }
    }
}

/// A postal address on one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct PostalAddress(String);
text_newtype!(PostalAddress);

impl Parse for PostalAddress {
    fn parse(text: &str) -> Result<Self, Problem> {
        one_line(text, 300, "a postal address").map(Self)
    }
}

/// The name of a time zone in the IANA database, by its shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "Europe/Berlin")]
pub struct Timezone(String);
text_newtype!(Timezone);

impl Parse for Timezone {
    fn parse(text: &str) -> Result<Self, Problem> {
        let fits = text.len() <= 64
            && text.split('/').count() <= 3
            && text.split('/').all(|part| {
                part.starts_with(|c: char| c.is_ascii_uppercase())
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
            });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new(Code::ValueInvalid, format!("`{}` is not a time zone", shown(text)))
                .hint("use a name such as Europe/Berlin or UTC"))
        }
    }
}

/// A language that Berth speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Language {
    /// The tag of the language (BCP 47).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }
}

impl Parse for Language {
    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "en" => Ok(Self::En),
            "de" => Ok(Self::De),
            other => {
                Err(Problem::new(Code::ValueInvalid, format!("`{}` is not a language here", shown(other)))
                    .hint("use en or de"))
            }
        }
    }
}

/// What a member may do in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// Everything that the account allows.
    Owner,
    /// Everything but the account itself.
    Manager,
    /// Looking.
    Viewer,
}

impl MemberRole {
    /// The word in output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Manager => "manager",
            Self::Viewer => "viewer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_fields() {
        assert!(Phone::parse("+49 (30) 123-456").is_ok());
        assert!(Phone::parse("call me").is_err());
        assert!(Timezone::parse("America/Argentina/Buenos_Aires").is_ok());
        assert!(Timezone::parse("UTC").is_ok() && Timezone::parse("Etc/GMT+5").is_ok());
        for bad in ["", "europe/berlin", "../etc/passwd", "Europe//Berlin", "A/B/C/D"] {
            assert!(Timezone::parse(bad).is_err(), "{bad}");
        }
        assert!(PostalAddress::parse("1 Main St\nX").is_err());
    }
}
