//! Email addresses of people: sign-in and recovery.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// `local@domain` after RFC 5321 without quoting, comments and address literals: a dot-atom of at most 64
/// bytes and a host name. The domain is folded to lower case and IDNA ASCII; the local part is kept as
/// written, and [`Email::key`] compares without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = "email", example = "alice@example.com")]
pub struct Email(String);
text_newtype!(Email);

impl Email {
    /// The form that is unique over all users: all lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

impl Parse for Email {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |what: &str| {
            Problem::new(Code::EmailInvalid, format!("`{}` {what}", shown(text)))
                .hint("write it as name@example.com")
        };
        let text = text.trim();
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(invalid("has no `@`"));
        };
        if local.is_empty() || local.len() > 64 {
            return Err(invalid("needs 1 to 64 bytes before the `@`"));
        }
        if local.split('.').any(|atom| atom.is_empty() || !atom.bytes().all(is_atext)) {
            return Err(invalid("has characters before the `@` that an address can't have"));
        }
        let domain = idna::domain_to_ascii_strict(domain)
            .map_err(|_| invalid("has no valid domain after the `@`"))?
            .to_ascii_lowercase();
        if domain.len() > 253 || !domain.contains('.') || domain.ends_with('.') {
            return Err(invalid("has no valid domain after the `@`"));
        }
        if domain.rsplit('.').next().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit())) {
            return Err(invalid("has a number where the domain should be"));
        }
        let address = format!("{local}@{domain}");
        if address.len() > 254 {
            return Err(invalid("is longer than 254 bytes"));
        }
        Ok(Self(address))
    }
}

/// `atext` of RFC 5322, section 3.2.3.
fn is_atext(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Email::parse(text).ok().as_ref().map(Email::as_str), expected, "{text:?}");
        };
        check("alice@example.com", Some("alice@example.com"));
        check("A.b+c@EXAMPLE.com", Some("A.b+c@example.com"));
        check("o'neil@bücher.example", Some("o'neil@xn--bcher-kva.example"));
        for bad in [
            "",
            "alice",
            "@example.com",
            "alice@",
            "alice@example",
            "a..b@example.com",
            ".a@example.com",
            "a b@example.com",
            "a\r\nBcc: x@example.com",
            "\"a b\"@example.com",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "ü@example.com",
            "a@-x.com",
            "a@example.com.",
            "a@exa mple.com",
        ] {
            check(bad, None);
        }
        check(&format!("{}@example.com", "a".repeat(65)), None);
        assert_eq!(Email::parse("Alice@Example.com").unwrap().key(), "alice@example.com");
    }
}
