//! Names of hosting packages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// `[a-z0-9][a-z0-9_-]{0,63}`: short, stable, usable in a URL and on a command line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$", example = "standard")]
pub struct PackageName(String);
text_newtype!(PackageName);

impl Parse for PackageName {
    fn parse(text: &str) -> Result<Self, Problem> {
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new(Code::PackageNameInvalid, format!("`{}` is not a package name", shown(text)))
                .hint("use 1 to 64 lower-case letters, digits, `-` and `_`, starting with a letter or digit"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for ok in ["standard", "1gb", "a", "x-1_y"] {
            assert!(PackageName::parse(ok).is_ok(), "{ok}");
        }
        for bad in ["", "-a", "Standard", "a b", "a/b", &"a".repeat(65)] {
            assert_eq!(PackageName::parse(bad).unwrap_err().code, Code::PackageNameInvalid, "{bad:?}");
        }
    }
}
