//! Hosting packages: limits and features.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Code, Parse, Problem};

/// One limit of a package. There is no magic 0 or -1: dialects that have one translate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Limit {
    /// What the installation's defaults say.
    #[default]
    Inherit,
    /// No limit.
    Unlimited,
    /// At most this many.
    Max(u64),
}

impl Limit {
    /// The limit that counts, given the installation's default.
    pub const fn resolve(self, default: Bound) -> Bound {
        match self {
            Self::Inherit => default,
            Self::Unlimited => Bound::Unlimited,
            Self::Max(max) => Bound::Max(max),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inherit => f.write_str("inherit"),
            Self::Unlimited => f.write_str("unlimited"),
            Self::Max(max) => max.fmt(f),
        }
    }
}

impl Parse for Limit {
    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "inherit" => Ok(Self::Inherit),
            "unlimited" => Ok(Self::Unlimited),
            number => {
                number.parse::<u64>().ok().filter(|n| i64::try_from(*n).is_ok()).map(Self::Max).ok_or_else(
                    || {
                        Problem::new(
                            Code::LimitInvalid,
                            format!("`{}` is not a limit", crate::name::shown(number)),
                        )
                        .hint("use inherit, unlimited or a whole number from 0")
                    },
                )
            }
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Max(max) => serializer.serialize_u64(*max),
            other => serializer.collect_str(other),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value).map_err(serde::de::Error::custom)
    }
}

impl Limit {
    /// Reads a limit from JSON: `"inherit"`, `"unlimited"` or a number, as text or not.
    ///
    /// # Errors
    /// `limit_invalid`, without field.
    pub fn from_value(value: &Value) -> Result<Self, Problem> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            other => Self::parse(&other.to_string()),
        }
    }
}

impl utoipa::PartialSchema for Limit {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["inherit", "unlimited"])))
            .item(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)))
            .into()
    }
}

impl ToSchema for Limit {}

/// A limit after inheritance has been resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// No limit.
    Unlimited,
    /// At most this many.
    Max(u64),
}

impl Bound {
    /// Whether a count is within the bound.
    pub const fn allows(self, count: u64) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Max(max) => count <= max,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::Max(max) => max.fmt(f),
        }
    }
}

macro_rules! limits {
    ($($(#[$doc:meta])* $field:ident: $default:expr;)+) => {
        /// The limits of a package as written by its author.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits { $($(#[$doc])* pub $field: Limit,)+ }

        /// Limits after inheritance: what counts for an account.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub struct Bounds { $($(#[$doc])* pub $field: Bound,)+ }

        impl Limits {
            /// The name of every limit, as in JSON and on the command line.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field),)+];

            /// The limits that count, given the installation's defaults.
            pub fn resolve(&self, defaults: &Bounds) -> Bounds {
                Bounds { $($field: self.$field.resolve(defaults.$field),)+ }
            }

            /// Changes one limit by its name; `None` if there is none of that name.
            pub fn set(&mut self, name: &str, limit: Limit) -> Option<()> {
                match name {
                    $(stringify!($field) => self.$field = limit,)+
                    _ => return None,
                }
                Some(())
            }

            /// All limits with their names.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, Limit)> {
                [$((stringify!($field), self.$field),)+].into_iter()
            }
        }

        impl Bounds {
            /// All bounds with their names.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, Bound)> {
                [$((stringify!($field), self.$field),)+].into_iter()
            }
        }

        impl Default for Bounds {
            /// The installation's defaults, which `inherit` means until settings say otherwise.
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

limits! {
    /// Disk space in MiB.
    disk_mb: Bound::Max(10_240);
    /// Files and directories.
    inodes: Bound::Max(500_000);
    /// CPU time in percent of one core.
    cpu_percent: Bound::Max(100);
    /// Memory in MiB.
    memory_mb: Bound::Max(1_024);
    /// Processes and threads.
    tasks: Bound::Max(200);
    /// Disk throughput in MiB per second, each way.
    io_mb_per_second: Bound::Max(50);
    /// Domains, the primary one included.
    domains: Bound::Max(10);
    /// Mailboxes.
    mailboxes: Bound::Max(25);
    /// Databases.
    databases: Bound::Max(10);
    /// PHP requests served at the same time.
    php_children: Bound::Max(5);
}

/// What an account may reach on the network.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
pub enum EgressPolicy {
    /// Nothing.
    #[serde(rename = "none")]
    Nothing,
    /// HTTP, HTTPS and DNS.
    #[default]
    #[serde(rename = "web")]
    Web,
    /// Web, and mail submission.
    #[serde(rename = "web+mail")]
    WebAndMail,
    /// Everything but private and metadata addresses.
    #[serde(rename = "open")]
    Open,
}

impl EgressPolicy {
    /// Every policy.
    pub const ALL: &'static [Self] = &[Self::Nothing, Self::Web, Self::WebAndMail, Self::Open];

    /// The word in input, output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Web => "web",
            Self::WebAndMail => "web+mail",
            Self::Open => "open",
        }
    }
}

impl Parse for EgressPolicy {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|policy| policy.as_str() == text).ok_or_else(|| {
            Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not an egress policy", crate::name::shown(text)),
            )
            .hint("use none, web, web+mail or open")
        })
    }
}

/// How an account's timers come to run without a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimerMode {
    /// A lingering user manager, as the specification says.
    Always,
    /// The agent fires them; no process while idle.
    #[default]
    OnDemand,
    /// No timers.
    Off,
}

impl TimerMode {
    /// Every mode.
    pub const ALL: &'static [Self] = &[Self::Always, Self::OnDemand, Self::Off];

    /// The word in input, output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::OnDemand => "on-demand",
            Self::Off => "off",
        }
    }
}

impl Parse for TimerMode {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|mode| mode.as_str() == text).ok_or_else(|| {
            Problem::new(Code::ValueInvalid, format!("`{}` is not a timer mode", crate::name::shown(text)))
                .hint("use always, on-demand or off")
        })
    }
}

/// What a package includes beside its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Features {
    /// Whether file transfer by SFTP is included.
    pub sftp: bool,
    /// How timers run.
    pub timers: TimerMode,
    /// What may be reached on the network.
    pub egress: EgressPolicy,
}

impl Default for Features {
    fn default() -> Self {
        Self { sftp: true, timers: TimerMode::OnDemand, egress: EgressPolicy::Web }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_word_or_a_number_and_survives_json() {
        for (json, limit) in [
            ("\"inherit\"", Limit::Inherit),
            ("\"unlimited\"", Limit::Unlimited),
            ("0", Limit::Max(0)),
            ("512", Limit::Max(512)),
        ] {
            assert_eq!(serde_json::from_str::<Limit>(json).unwrap(), limit);
            assert_eq!(serde_json::to_string(&limit).unwrap(), json);
        }
        for bad in ["-1", "1.5", "\"\"", "\"-1\"", "null", "true", "18446744073709551615"] {
            assert!(serde_json::from_str::<Limit>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn inheritance_and_bounds() {
        let mut limits = Limits::default();
        limits.set("domains", Limit::Unlimited).unwrap();
        limits.set("databases", Limit::Max(0)).unwrap();
        assert_eq!(limits.set("colour", Limit::Unlimited), None);
        let bounds = limits.resolve(&Bounds::default());
        assert!(bounds.domains.allows(u64::MAX));
        assert!(bounds.databases.allows(0) && !bounds.databases.allows(1));
        assert_eq!(bounds.mailboxes, Bounds::default().mailboxes);
    }
}
