//! Domains and the settings of their sites.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Code, Parse, Problem};

/// Whether a domain's ownership is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DomainState {
    /// Not yet: publishes nothing to others.
    Pending,
    /// Proven, or approved by an admin.
    Active,
}

impl DomainState {
    /// The word in output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
        }
    }
}

impl Parse for DomainState {
    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "pending" => Ok(Self::Pending),
            "active" => Ok(Self::Active),
            other => Err(Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not a state of a domain", crate::name::shown(other)),
            )),
        }
    }
}

/// Where a site's files are served from: `public_html`, or a directory below it. It can't leave
/// `public_html`, name a hidden directory or carry anything that means something to a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "public_html")]
pub struct Docroot(String);

impl Docroot {
    /// The directory that every site has.
    pub const STANDARD: &'static str = "public_html";

    /// The path below the site's directory.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the directory that every site has.
    pub fn is_standard(&self) -> bool {
        self.0 == Self::STANDARD
    }
}

impl Default for Docroot {
    fn default() -> Self {
        Self(Self::STANDARD.to_owned())
    }
}

impl Parse for Docroot {
    fn parse(text: &str) -> Result<Self, Problem> {
        let mut components = text.split('/');
        let starts_right = components.next() == Some(Self::STANDARD);
        let fits = text.len() <= 200
            && components.all(|part| {
                !part.is_empty()
                    && !part.starts_with(['.', '-'])
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            });
        if starts_right && fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new(
                Code::ValueInvalid,
                format!("`{}` can't be a document root", crate::name::shown(text)),
            )
            .hint("use public_html or a directory below it, such as public_html/app"))
        }
    }
}

impl TryFrom<String> for Docroot {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Docroot> for String {
    fn from(docroot: Docroot) -> Self {
        docroot.0
    }
}

impl std::fmt::Display for Docroot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a visitor who comes by plain HTTP is sent to HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpsRedirect {
    /// As soon as the name has a certificate that browsers trust.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl HttpsRedirect {
    /// The word in input, output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl Parse for HttpsRedirect {
    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            other => Err(Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not a way to redirect", crate::name::shown(other)),
            )
            .hint("use auto, on or off")),
        }
    }
}

/// For how many seconds a browser remembers to come by HTTPS only (RFC 6797, `max-age`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schema(value_type = u64, minimum = 1, maximum = 94_608_000)]
pub struct HstsAge(u32);

impl HstsAge {
    /// Longest time: three years. More helps nobody, and no browser forgets sooner.
    pub const MAX: u64 = 94_608_000;

    /// The number of seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<u64> for HstsAge {
    type Error = Problem;

    fn try_from(seconds: u64) -> Result<Self, Problem> {
        match u32::try_from(seconds) {
            Ok(age) if age > 0 && seconds <= Self::MAX => Ok(Self(age)),
            _ => Err(Problem::new(
                Code::ValueInvalid,
                format!("a browser can't be told to remember for {seconds} seconds"),
            )
            .hint(format!("use 1 to {} seconds, such as 31536000 for a year", Self::MAX))),
        }
    }
}

impl From<HstsAge> for u64 {
    fn from(age: HstsAge) -> Self {
        Self::from(age.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_docroot_stays_inside() {
        for ok in ["public_html", "public_html/app", "public_html/a/b-c.d"] {
            assert!(Docroot::parse(ok).is_ok(), "{ok}");
        }
        for bad in [
            "",
            "/",
            "app",
            "public_html/",
            "public_html/..",
            "public_html/../x",
            "public_html//x",
            "public_html/.git",
            "public_html/a;b",
            "public_html/$host",
            "public_html/a b",
            "/public_html",
        ] {
            assert!(Docroot::parse(bad).is_err(), "{bad}");
        }
    }
}
