//! Fully qualified domain names of hosted sites.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// A registrable domain or a name below one, in IDNA ASCII form (UTS 46), lower case, without trailing dot.
///
/// The public suffix list decides what is registrable, so that nobody can own `co.uk`. Names of RFC 6761's
/// special use (`localhost`, `invalid`, `onion`, `local`, `arpa`) are refused; `test` and `example` are
/// allowed, since they can harm nobody and installations are tried with them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "alicesite.com")]
pub struct Fqdn(String);
text_newtype!(Fqdn);

const HINT: &str = "write a domain such as example.com, or a name below one";

/// Top-level names that never reach a hosting server from outside.
const SPECIAL: &[&str] = &["alt", "arpa", "internal", "invalid", "local", "localhost", "onion"];

impl Fqdn {
    /// The part of the name that somebody registers, such as `example.com` of `shop.example.com`.
    pub fn registrable(&self) -> &str {
        psl::domain_str(&self.0).unwrap_or(&self.0)
    }

    /// The names above this one, nearest first, down to the registrable one.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        let floor = self.registrable().len();
        std::iter::successors(Some(self.0.as_str()), |name| name.split_once('.').map(|(_, rest)| rest))
            .skip(1)
            .take_while(move |name| name.len() >= floor)
            .map(|name| Self(name.to_owned()))
    }

    /// Whether this name lies below another.
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.len() > other.0.len() + 1
            && self.0.ends_with(&other.0)
            && self.0.as_bytes().get(self.0.len() - other.0.len() - 1) == Some(&b'.')
    }

    /// The same name with `www.` before it, if that is still a valid name and this one does not start so.
    pub fn with_www(&self) -> Option<Self> {
        if self.0.starts_with("www.") || self.0.len() > 249 {
            return None;
        }
        Some(Self(format!("www.{}", self.0)))
    }
}

impl Parse for Fqdn {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid =
            |what: &str| Problem::new(Code::DomainInvalid, format!("`{}` {what}", shown(text))).hint(HINT);
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() || text.len() > 1024 {
            return Err(invalid("is not a domain name"));
        }
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(invalid("contains blanks or control characters"));
        }
        let ascii = idna::domain_to_ascii_strict(text)
            .map_err(|_| invalid("is not a domain name"))?
            .to_ascii_lowercase();
        if ascii.len() > 253 {
            return Err(invalid("is longer than 253 characters"));
        }
        let well_formed = ascii.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
        if !well_formed {
            return Err(invalid("is not a host name"));
        }
        let Some((_, top)) = ascii.rsplit_once('.') else {
            return Err(invalid("has no dot"));
        };
        if top.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid("looks like an address"));
        }
        if SPECIAL.contains(&top) {
            return Err(invalid(&format!("ends in `.{top}`, which is not for hosting")));
        }
        if psl::domain_str(&ascii).is_none() {
            return Err(invalid("is a public suffix that nobody can own"));
        }
        Ok(Self(ascii))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Fqdn::parse(text).ok().as_ref().map(Fqdn::as_str), expected, "{text:?}");
    }

    #[test]
    fn rules() {
        check("alicesite.com", Some("alicesite.com"));
        check("AliceSite.COM.", Some("alicesite.com"));
        check("shop.alice.co.uk", Some("shop.alice.co.uk"));
        check("bücher.example", Some("xn--bcher-kva.example"));
        check("a.test", Some("a.test"));
        let long = format!("{}.{}.{}.com", "a".repeat(63), "b".repeat(63), "c".repeat(63));
        check(&long, Some(&long));
        for bad in [
            "",
            ".",
            "com",
            "co.uk",
            "localhost",
            "a.localhost",
            "x.local",
            "-a.com",
            "a-.com",
            "a_b.com",
            "a..com",
            ".a.com",
            "a b.com",
            "a.com/x",
            "a.com\n",
            "<script>.com",
            "127.0.0.1",
            "[::1]",
            "a.com..",
            "a.onion",
            "*.a.com",
            "a\u{0}.com",
            &format!("{}.com", "a".repeat(64)),
            &format!("{}com", "abcdefgh.".repeat(29)),
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn family() {
        let name = Fqdn::parse("a.b.example.com").unwrap();
        assert_eq!(name.registrable(), "example.com");
        let above: Vec<_> = name.ancestors().map(String::from).collect();
        assert_eq!(above, ["b.example.com", "example.com"]);
        assert!(name.is_below(&Fqdn::parse("example.com").unwrap()));
        assert!(!name.is_below(&name));
        assert!(!Fqdn::parse("bexample.com").unwrap().is_below(&Fqdn::parse("example.com").unwrap()));
        assert_eq!(Fqdn::parse("x.com").unwrap().with_www().unwrap().as_str(), "www.x.com");
        assert!(Fqdn::parse("www.x.com").unwrap().with_www().is_none());
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_a_path_component_without_surprises(text in "[\\PC.]{1,80}") {
            if let Ok(name) = Fqdn::parse(&text) {
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.'));
                prop_assert!(!name.as_str().contains(".."));
                prop_assert!(!name.as_str().starts_with('.'));
            }
        }
    }
}
