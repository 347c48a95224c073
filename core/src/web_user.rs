//! Web users: further logins for file transfer inside one site, each a Unix account of its own.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::name::{is_reserved, shown, text_newtype};
use crate::{Code, Parse, Problem};

/// The number of a web user: dense, and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct WebUserId(pub i64);

impl fmt::Display for WebUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Longest login, which is the longest name of a Unix account.
const LOGIN_MAX: usize = 32;

/// What a web user signs in with: `[A-Za-z][A-Za-z0-9._-]{0,31}`. The case is kept; [`WebUserLogin::key`] is
/// what makes it unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z][A-Za-z0-9._-]{0,31}$", example = "myWebAccount")]
pub struct WebUserLogin(String);
text_newtype!(WebUserLogin);

impl WebUserLogin {
    /// The login without regard to case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl Parse for WebUserLogin {
    fn parse(text: &str) -> Result<Self, Problem> {
        let sound = text.len() <= LOGIN_MAX
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !sound {
            return Err(Problem::new(
                Code::WebUserLoginInvalid,
                format!("`{}` can't be the login of a web user", shown(text)),
            ));
        }
        if is_reserved(&text.to_ascii_lowercase()) {
            return Err(Problem::new(Code::WebUserLoginInvalid, format!("the login `{text}` is reserved"))
                .hint("choose another name"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a web user's site may do beside showing files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebService {
    /// PHP, run as the web user.
    Php,
}

impl WebService {
    /// Every service that there is something behind.
    pub const ALL: &'static [Self] = &[Self::Php];

    /// The word in input, output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Php => "php",
        }
    }
}

impl Parse for WebService {
    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "php" => Ok(Self::Php),
            "ssi" | "cgi" | "fastcgi" | "perl" | "mod-perl" | "python" | "mod-python" | "asp"
            | "asp-dot-net" => Err(Problem::new(
                Code::WebServiceMissing,
                format!("the service {text} is not installed for web users"),
            )),
            other => Err(Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not a service of web users", shown(other)),
            )
            .hint("use php")),
        }
    }
}

/// How much a web user may store, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schema(value_type = u64, example = 104_857_600)]
pub struct WebUserQuota(u64);

impl WebUserQuota {
    /// The bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for WebUserQuota {
    type Error = Problem;

    fn try_from(bytes: u64) -> Result<Self, Problem> {
        if i64::try_from(bytes).is_ok() {
            Ok(Self(bytes))
        } else {
            Err(Problem::new(Code::ValueInvalid, "the quota is too large"))
        }
    }
}

impl From<WebUserQuota> for u64 {
    fn from(quota: WebUserQuota) -> Self {
        quota.0
    }
}

impl Parse for WebUserQuota {
    fn parse(text: &str) -> Result<Self, Problem> {
        text.parse::<u64>()
            .map_err(|_| {
                Problem::new(Code::ValueInvalid, format!("`{}` is not a number of bytes", shown(text)))
            })
            .and_then(Self::try_from)
    }
}

/// The plaintext password of a web user. It lives in the memory of one request.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct WebUserPassword(String);

impl WebUserPassword {
    /// The text, for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Checks what depends on the installation and on whose password it is.
    ///
    /// # Errors
    /// `password_invalid`.
    pub fn check(&self, login: &WebUserLogin, max_length: usize) -> Result<(), Problem> {
        if self.0.chars().count() > max_length {
            return Err(refused(format!("the password has more than {max_length} characters")));
        }
        if self.0.to_lowercase().contains(&login.key()) {
            return Err(refused("the password contains the login".to_owned()));
        }
        Ok(())
    }
}

impl fmt::Debug for WebUserPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebUserPassword(…)")
    }
}

/// Fewest characters of a web user's password.
pub const PASSWORD_MIN: usize = 5;
/// Most characters of a web user's password unless the operator allows more.
pub const PASSWORD_MAX: usize = 14;
/// Most that an operator can allow.
pub const PASSWORD_MAX_MAX: usize = 64;

fn refused(detail: String) -> Problem {
    Problem::new(Code::PasswordInvalid, detail)
        .hint("use 5 to 14 characters without quotation marks and blanks, and without the login")
}

impl Parse for WebUserPassword {
    fn parse(text: &str) -> Result<Self, Problem> {
        let count = text.chars().count();
        if !(PASSWORD_MIN..=PASSWORD_MAX_MAX).contains(&count) {
            let detail =
                format!("the password does not have {PASSWORD_MIN} to {PASSWORD_MAX_MAX} characters");
            return Err(refused(detail));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || "'\"`".contains(c)) {
            return Err(refused("the password contains a quotation mark or white space".to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A password as the system keeps it (`crypt(5)`). Not a plaintext, and still not for logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CryptHash(String);

impl CryptHash {
    /// The text of the hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CryptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CryptHash(…)")
    }
}

impl Parse for CryptHash {
    fn parse(text: &str) -> Result<Self, Problem> {
        // What has a meaning in the file of passwords is in none of them: a colon, a line break, and the `!` and
        // `*` of a locked one.
        let sound = (4..=256).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./$=,_-+".contains(&byte));
        if sound {
            return Ok(Self(text.to_owned()));
        }
        Err(Problem::new(Code::PasswordInvalid, "the text is not the hash of a password")
            .hint("send a hash as crypt(3) makes it, or the password in plain text"))
    }
}

impl TryFrom<String> for CryptHash {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<CryptHash> for String {
    fn from(hash: CryptHash) -> Self {
        hash.0
    }
}

/// The password that a command gives a web user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewPassword {
    /// None: nobody gets in until there is one.
    Locked,
    /// This one.
    Plain(WebUserPassword),
    /// The one of this hash.
    Hashed(CryptHash),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins() {
        for login in ["myWebAccount", "a", "A.b-c_d", "z23456789012345678901234567890AB"] {
            assert!(WebUserLogin::parse(login).is_ok(), "{login}");
        }
        for login in [
            "",
            "1a",
            "a b",
            "ä",
            "-a",
            "a/b",
            "a:b",
            "root",
            "MailMan",
            "a\n",
            "z23456789012345678901234567890ABC",
        ] {
            assert_eq!(WebUserLogin::parse(login).unwrap_err().code, Code::WebUserLoginInvalid, "{login}");
        }
        assert_eq!(WebUserLogin::parse("myWeb").unwrap().key(), "myweb");
    }

    #[test]
    fn passwords() {
        let login = WebUserLogin::parse("Lena").unwrap();
        let check = |text: &str| WebUserPassword::parse(text).and_then(|password| password.check(&login, 14));
        assert!(check("Qx7!mmr2").is_ok());
        assert!(check("12345").is_ok() && check("12345678901234").is_ok());
        for text in ["1234", "123456789012345", "with blank", "it's", "say\"so\"", "xlenax", "tab\tbed", ""] {
            assert_eq!(check(text).unwrap_err().code, Code::PasswordInvalid, "{text}");
        }
        assert!(WebUserPassword::parse(&"x".repeat(64)).is_ok());
        assert!(WebUserPassword::parse(&"x".repeat(65)).is_err());
        let shown = format!("{:?}", NewPassword::Plain(WebUserPassword::parse("Qx7!mmr2").unwrap()));
        assert!(!shown.contains("mmr"), "{shown}");
    }

    #[test]
    fn a_hash_can_not_break_out_of_its_field() {
        assert!(CryptHash::parse("$1$salt$abcdefghijklmnop").is_ok());
        for text in ["abc", "a:b:c:d", "!locked", "*****", "with\nbreak", &"x".repeat(257)] {
            assert!(CryptHash::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn services_without_anything_behind_them_say_so() {
        assert_eq!(WebService::parse("php").unwrap(), WebService::Php);
        assert_eq!(WebService::parse("cgi").unwrap_err().code, Code::WebServiceMissing);
        assert_eq!(WebService::parse("cobol").unwrap_err().code, Code::ValueInvalid);
    }
}
