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
