//! Timers: commands of a tenant that run by a schedule.

mod run;
mod schedule;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::name::{Email, Username, shown, text_newtype};
use crate::{Code, Parse, Problem};

pub use run::{OUTPUT_MAX, RECORD_MAX, RunOutcome, RunRecord, readable, run_file, timer_of_run_file};
pub use schedule::Schedule;

/// Most timers of an account.
pub const TIMERS_MAX: u64 = 50;

/// Runs of each timer that are kept.
pub const RUNS_KEPT: u32 = 10;

/// Name of a timer within its account: `[a-z0-9][a-z0-9_-]{0,31}`. Names of units and files are made from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$", example = "backup")]
pub struct TimerName(String);
text_newtype!(TimerName);

impl Parse for TimerName {
    fn parse(text: &str) -> Result<Self, Problem> {
        let fits = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new(Code::ValueInvalid, format!("`{}` can't name a timer", shown(text)))
                .hint("use 1 to 32 lower-case letters, digits, `-` and `_`, starting with a letter or digit"))
        }
    }
}

/// What a timer runs, by `/bin/sh -c` as the tenant: one line of at most 2,000 bytes. It may hold a secret, so
/// it shows its length only where it is not asked for.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 2000, example = "php domains/example.com/private/cron.php")]
pub struct TimerCommand(String);
text_newtype!(TimerCommand);

impl Parse for TimerCommand {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |detail: &str| {
            Problem::new(Code::ValueInvalid, detail)
                .hint("use one line of at most 2,000 bytes; put more into a script and run that")
        };
        if text.trim().is_empty() {
            return Err(invalid("the command is blank"));
        }
        if text.len() > 2_000 {
            return Err(invalid("the command is longer than 2,000 bytes"));
        }
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(invalid("the command has a line break or another control character"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for TimerCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimerCommand({} bytes)", self.0.len())
    }
}

/// After how many seconds a run is ended: 1 to 86,400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schema(value_type = u64, minimum = 1, maximum = 86_400)]
pub struct TimerTimeout(u32);

impl TimerTimeout {
    /// The longest.
    pub const MAX: u32 = 86_400;

    /// Seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for TimerTimeout {
    fn default() -> Self {
        Self(3_600)
    }
}

impl TryFrom<u64> for TimerTimeout {
    type Error = Problem;

    fn try_from(seconds: u64) -> Result<Self, Self::Error> {
        u32::try_from(seconds).ok().filter(|s| (1..=Self::MAX).contains(s)).map(Self).ok_or_else(|| {
            Problem::new(Code::ValueInvalid, format!("{seconds} seconds can't be a timeout"))
                .hint(format!("use 1 to {} seconds", Self::MAX))
        })
    }
}

impl From<TimerTimeout> for u64 {
    fn from(timeout: TimerTimeout) -> Self {
        timeout.0.into()
    }
}

/// Who is told of a run that failed. At most one message an hour is written for each timer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum MailOnFailure {
    /// Nobody.
    #[default]
    Off,
    /// The owner of the account.
    Owner,
    /// This address.
    Address(Email),
}

impl MailOnFailure {
    /// Reads `true`, `false` or an address from JSON.
    ///
    /// # Errors
    /// `value_invalid` or `email_invalid`, without field.
    pub fn from_value(value: &Value) -> Result<Self, Problem> {
        match value {
            Value::Bool(false) => Ok(Self::Off),
            Value::Bool(true) => Ok(Self::Owner),
            Value::String(text) => Email::parse(text).map(Self::Address),
            _ => Err(Problem::new(Code::ValueInvalid, "expected true, false or an email address")),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Off => Value::Bool(false),
            Self::Owner => Value::Bool(true),
            Self::Address(email) => Value::String(email.to_string()),
        }
    }
}

impl fmt::Display for MailOnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("no"),
            Self::Owner => f.write_str("owner"),
            Self::Address(email) => email.fmt(f),
        }
    }
}

/// The form of the database: `no`, `owner` or an address.
impl Parse for MailOnFailure {
    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "no" => Ok(Self::Off),
            "owner" => Ok(Self::Owner),
            address => Email::parse(address).map(Self::Address),
        }
    }
}

impl Serialize for MailOnFailure {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for MailOnFailure {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for MailOnFailure {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Boolean))
            .item(ObjectBuilder::new().schema_type(Type::String))
            .description(Some("Who is told of a run that failed: nobody, the owner, or an address."))
            .into()
    }
}

impl ToSchema for MailOnFailure {}

/// What a node needs to run a timer once, as the file that the run itself reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimerJob {
    /// Whose it is: for the environment.
    pub username: Username,
    /// Its name.
    pub name: TimerName,
    /// What is run.
    pub command: TimerCommand,
    /// When it is ended.
    pub timeout_s: TimerTimeout,
    /// Where its record goes.
    pub spool: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_commands() {
        for ok in ["backup", "1", "a-b_c", &"x".repeat(32)] {
            assert!(TimerName::parse(ok).is_ok(), "{ok}");
        }
        for bad in ["", "-a", "_a", "A", "a b", "a/b", "a.b", "a@b", "ä", &"x".repeat(33)] {
            assert_eq!(TimerName::parse(bad).unwrap_err().code, Code::ValueInvalid, "{bad:?}");
        }
        for ok in ["true", "echo '100 %' \"$HOME\" `id` \\ \u{e4}", &"x".repeat(2_000)] {
            assert_eq!(TimerCommand::parse(ok).unwrap().as_str(), ok);
        }
        for bad in ["", "  ", "a\nb", "a\0", "a\u{1b}[0m", "a\u{85}b", &"x".repeat(2_001)] {
            assert_eq!(TimerCommand::parse(bad).unwrap_err().code, Code::ValueInvalid, "{bad:?}");
        }
        let secret = TimerCommand::parse("curl -u me:hunter2 x").unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
    }

    #[test]
    fn who_is_told() {
        for (value, told) in
            [(json!(false), "no"), (json!(true), "owner"), (json!("a@b.example"), "a@b.example")]
        {
            let mail = MailOnFailure::from_value(&value).unwrap();
            assert_eq!(mail.to_string(), told);
            assert_eq!(MailOnFailure::parse(told).unwrap(), mail);
            assert_eq!(serde_json::to_value(&mail).unwrap(), value);
        }
        assert!(MailOnFailure::from_value(&json!(7)).is_err());
        assert!(MailOnFailure::from_value(&json!("nobody")).is_err());
    }

    #[test]
    fn timeouts() {
        assert!(TimerTimeout::try_from(0).is_err() && TimerTimeout::try_from(86_401).is_err());
        assert_eq!(TimerTimeout::try_from(86_400).unwrap().seconds(), 86_400);
    }
}
