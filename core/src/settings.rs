//! What administrators set while Berth runs. What the host needs to start with is in its configuration file.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::{Email, PackageName, shown};
use crate::password::PasswordRule;
use crate::{Code, Parse, Problem};

/// Every setting of the installation, each under its dotted name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({"support.email": "help@example.com"}))]
pub struct Installation {
    /// The package of whoever is invited without one.
    #[serde(rename = "general.default_package", skip_serializing_if = "Option::is_none")]
    pub default_package: Option<PackageName>,
    /// For how many days an invitation can be accepted.
    #[serde(rename = "general.invitation_days")]
    pub invitation_days: u16,
    /// Whether administrators must have a second factor.
    #[serde(rename = "security.enforce_2fa_for_admins")]
    pub enforce_2fa_for_admins: bool,
    /// Fewest characters of a password.
    #[serde(rename = "security.password_min_length")]
    pub password_min_length: u16,
    /// Least strength of a password, 0 to 4.
    #[serde(rename = "security.password_min_score")]
    pub password_min_score: u8,
    /// After how many minutes without use a session ends.
    #[serde(rename = "security.session_idle_minutes")]
    pub session_idle_minutes: u32,
    /// After how many hours a session ends whatever is done.
    #[serde(rename = "security.session_hours")]
    pub session_hours: u32,
    /// Where customers write to for help.
    #[serde(rename = "support.email", skip_serializing_if = "Option::is_none")]
    pub support_email: Option<Email>,
    /// Where customers find help.
    #[serde(rename = "support.url", skip_serializing_if = "Option::is_none")]
    pub support_url: Option<WebAddress>,
    /// How mail leaves.
    #[serde(rename = "mail.transport")]
    pub mail_transport: MailTransport,
    /// Whom mail is from.
    #[serde(rename = "mail.from", skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<Email>,
    /// The name beside that address.
    #[serde(rename = "mail.from_name")]
    pub mail_from_name: SenderName,
    /// The relay that takes mail.
    #[serde(rename = "mail.smtp_host", skip_serializing_if = "Option::is_none")]
    pub smtp_host: Option<RelayHost>,
    /// Its port.
    #[serde(rename = "mail.smtp_port")]
    pub smtp_port: u16,
    /// How the connection to it is kept private.
    #[serde(rename = "mail.smtp_tls")]
    pub smtp_tls: SmtpTls,
    /// The name to sign in there with.
    #[serde(rename = "mail.smtp_username", skip_serializing_if = "Option::is_none")]
    pub smtp_username: Option<SmtpUsername>,
    /// Whether the welcome mail holds the password itself instead of a link to set one.
    #[serde(rename = "welcome.include_password")]
    pub welcome_include_password: bool,
    /// For how many days a deleted user can come back; 0 purges at once.
    #[serde(rename = "trash.days")]
    pub trash_days: u16,
}

impl Default for Installation {
    fn default() -> Self {
        Self {
            default_package: None,
            invitation_days: 7,
            enforce_2fa_for_admins: false,
            password_min_length: 10,
            password_min_score: 2,
            session_idle_minutes: 120,
            session_hours: 7 * 24,
            support_email: None,
            support_url: None,
            mail_transport: MailTransport::Off,
            mail_from: None,
            mail_from_name: SenderName::default(),
            smtp_host: None,
            smtp_port: 587,
            smtp_tls: SmtpTls::StartTls,
            smtp_username: None,
            welcome_include_password: false,
            trash_days: 7,
        }
    }
}

impl Installation {
    /// The rule for passwords of people.
    pub fn password_rule(&self) -> PasswordRule {
        PasswordRule { min_length: self.password_min_length.into(), min_score: self.password_min_score }
    }

    /// How long a session may stay unused.
    pub fn session_idle(&self) -> TimeDelta {
        TimeDelta::minutes(self.session_idle_minutes.into())
    }

    /// How long a session lasts at most.
    pub fn session_length(&self) -> TimeDelta {
        TimeDelta::hours(self.session_hours.into())
    }

    /// Why mail can't leave yet, if it can't.
    pub fn mail_obstacle(&self) -> Option<&'static str> {
        match self.mail_transport {
            MailTransport::Off => Some("mail is not configured: `mail.transport` is off"),
            _ if self.mail_from.is_none() => Some("mail is not configured: `mail.from` is missing"),
            MailTransport::Smtp if self.smtp_host.is_none() => {
                Some("mail is not configured: `mail.smtp_host` is missing")
            }
            MailTransport::Smtp | MailTransport::File => None,
        }
    }
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailTransport {
    /// It waits.
    Off,
    /// Through an SMTP relay.
    Smtp,
    /// Into files below the server's directory, for an installation that is tried out.
    File,
}

/// How the connection to the relay is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// Not at all: for a relay on the same host.
    None,
    /// By STARTTLS, and not without it.
    #[serde(rename = "starttls")]
    StartTls,
    /// From the first byte.
    Implicit,
}

macro_rules! words {
    ($type:ident, $what:literal, $($word:literal => $variant:ident),+) => {
        impl $type {
            /// The word in input and output.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl Parse for $type {
            fn parse(text: &str) -> Result<Self, Problem> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    other => Err(Problem::new(Code::ValueInvalid, format!("`{}` is not {}", shown(other), $what))
                        .hint(concat!("use one of", $(" ", $word),+))),
                }
            }
        }
    };
}

words!(MailTransport, "a way for mail", "off" => Off, "smtp" => Smtp, "file" => File);
words!(SmtpTls, "a kind of privacy", "none" => None, "starttls" => StartTls, "implicit" => Implicit);

macro_rules! line {
    ($(#[$doc:meta])* $type:ident, $max:literal, $what:literal, $fits:expr, $hint:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String)]
        pub struct $type(String);
        crate::name::text_newtype!($type);

        impl Parse for $type {
            fn parse(text: &str) -> Result<Self, Problem> {
                let text = crate::user::one_line(text, $max, $what)?;
                let fits: fn(&str) -> bool = $fits;
                if fits(&text) {
                    Ok(Self(text))
                } else {
                    Err(Problem::new(Code::ValueInvalid, format!("`{}` can't be {}", shown(&text), $what))
                        .hint($hint))
                }
            }
        }
    };
}

line!(
    /// An address on the web.
    WebAddress, 300, "an address on the web",
    |text| text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.chars().any(|c| c.is_whitespace() || "<>\"'`\\".contains(c))),
    "begin it with https://"
);
line!(
    /// The name that mail is from.
    SenderName, 60, "the name that mail is from",
    |text| !text.contains(['<', '>', '"']),
    "use a name without quotes and angle brackets"
);
line!(
    /// The host of the relay: a name or an address.
    RelayHost, 253, "the host of a relay",
    |text| text.parse::<std::net::IpAddr>().is_ok()
        || text.split('.').all(|label| !label.is_empty() && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')),
    "write a host name such as smtp.example.com, or an address"
);
line!(
    /// The name to sign in at the relay with.
    SmtpUsername, 200, "a name to sign in with", |_| true, "use one line"
);

impl Default for SenderName {
    fn default() -> Self {
        Self("Berth".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_set_is_the_default_and_names_are_dotted() {
        let read: Installation = serde_json::from_str("{}").unwrap();
        assert_eq!(read, Installation::default());
        let json = serde_json::to_value(&read).unwrap();
        assert!(json.as_object().unwrap().keys().all(|key| key.contains('.')), "{json}");
        assert_eq!(json["mail.transport"], "off");
        assert_eq!(json["mail.smtp_tls"], SmtpTls::StartTls.as_str());
    }

    #[test]
    fn values() {
        for good in ["https://help.example.com/x?y", "http://10.0.0.1"] {
            assert!(WebAddress::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "javascript:alert(1)", "https://", "https://a b", "https://a\"onclick=x"] {
            assert!(WebAddress::parse(bad).is_err(), "{bad}");
        }
        assert!(RelayHost::parse("127.0.0.1").is_ok() && RelayHost::parse("smtp.example.com").is_ok());
        assert!(RelayHost::parse("smtp example").is_err() && RelayHost::parse("a..b").is_err());
        assert!(SenderName::parse("A\r\nBcc: x@example.com").is_err());
        assert!(SenderName::parse("\"x\" <y@example.com>").is_err());
    }

    #[test]
    fn mail_waits_for_what_it_needs() {
        let mut settings = Installation::default();
        assert!(settings.mail_obstacle().unwrap().contains("transport"));
        settings.mail_transport = MailTransport::Smtp;
        assert!(settings.mail_obstacle().unwrap().contains("mail.from"));
        settings.mail_from = Some("berth@example.com".parse().unwrap());
        assert!(settings.mail_obstacle().unwrap().contains("smtp_host"));
        settings.smtp_host = Some("127.0.0.1".parse().unwrap());
        assert_eq!(settings.mail_obstacle(), None);
    }
}
