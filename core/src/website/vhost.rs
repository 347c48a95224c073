use serde::{Deserialize, Serialize};

use crate::name::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// An address that shows a website: scheme and host, with a port where it is not the scheme's own, and a
/// directory where the site does not begin at the root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VhostUrl(String);
text_newtype!(VhostUrl);

impl VhostUrl {
    /// The host name.
    pub fn host(&self) -> &str {
        let after = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let authority = after.split('/').next().unwrap_or_default();
        authority.split_once(':').map_or(authority, |(host, _)| host)
    }
}

impl Parse for VhostUrl {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = || {
            Problem::new(Code::ValueInvalid, format!("`{}` can't be the address of a website", shown(text)))
                .hint("use scheme and host, such as https://www.example.com")
        };
        let url = url::Url::parse(text.trim()).map_err(|_| invalid())?;
        let plain = url.username().is_empty() && url.password().is_none();
        let bare = url.query().is_none() && url.fragment().is_none();
        let Some(url::Host::Domain(host)) = url.host() else { return Err(invalid()) };
        if !matches!(url.scheme(), "http" | "https")
            || !plain
            || !bare
            || host.len() > 253
            || url.as_str().len() > 512
        {
            return Err(invalid());
        }
        if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
            return Err(invalid());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

/// A directory below a website's home; empty for the home itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VhostDirectory(String);
text_newtype!(VhostDirectory);

impl Parse for VhostDirectory {
    fn parse(text: &str) -> Result<Self, Problem> {
        let relative = text.trim_end_matches('/');
        let fits = relative.len() <= 1024
            && !relative.starts_with('/')
            && !relative.contains('\\')
            && !relative.chars().any(crate::name::is_unprintable)
            && relative.split('/').all(|part| part != "..");
        if fits {
            Ok(Self(relative.to_owned()))
        } else {
            Err(Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not a directory below the website's path", shown(text)),
            )
            .hint("use a relative path such as public_html"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected, host) in [
            ("http://mysite.com", "http://mysite.com", "mysite.com"),
            ("HTTPS://WWW.MySite.com/", "https://www.mysite.com", "www.mysite.com"),
            ("http://mysite.com:8080/shop/", "http://mysite.com:8080/shop", "mysite.com"),
            ("http://bücher.example", "http://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            let parsed = VhostUrl::parse(text).unwrap();
            assert_eq!((parsed.as_str(), parsed.host()), (expected, host));
        }
        for bad in [
            "",
            "mysite.com",
            "ftp://mysite.com",
            "http://",
            "http://u:p@x.com",
            "http://x.com/?a",
            "http://127.0.0.1",
            "http://[::1]",
            "http://x.com#a",
        ] {
            assert!(VhostUrl::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn directories_stay_below_the_home() {
        assert_eq!(VhostDirectory::parse("public_html/").unwrap().as_str(), "public_html");
        assert_eq!(VhostDirectory::parse("").unwrap().as_str(), "");
        for bad in ["/etc", "../x", "a/../../b", "a\\b", "a\0b", "a\nb"] {
            assert!(VhostDirectory::parse(bad).is_err(), "{bad:?}");
        }
    }
}
