//! Conditions: what a node says about each resource of an account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Problem;

macro_rules! resources {
    ($($(#[$doc:meta])* $variant:ident => $word:literal;)+) => {
        /// A part of an account on a host, in the order in which they converge.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Resource { $($(#[$doc])* $variant,)+ }

        impl Resource {
            /// Every resource.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in output and database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

resources! {
    /// The entries of the account files.
    Account => "account";
    /// The home directory and the directories of the sites.
    Home => "home";
    /// The limit of what the home may hold.
    Quota => "quota";
    /// The limits of everything that runs as the tenant.
    Slice => "slice";
    /// Authorized keys and the SFTP jail.
    Sftp => "sftp";
    /// What the network lets the account reach.
    Egress => "egress";
    /// The lingering user manager, if the package has one.
    Timers => "timers";
    /// The PHP pool and its socket.
    Php => "php";
    /// What the web server needs to serve the sites.
    Site => "site";
    /// The web users of the sites: accounts, jails, quotas and pages.
    WebUsers => "web_users";
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl crate::Parse for Resource {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|resource| resource.as_str() == text).ok_or_else(|| {
            Problem::new(
                crate::Code::ValueInvalid,
                format!("`{}` is not a resource", crate::name::shown(text)),
            )
        })
    }
}

/// How far a resource is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", content = "problem", rename_all = "snake_case")]
pub enum ConditionState {
    /// Not yet looked at for this generation.
    Pending,
    /// As it shall be, read back from the host.
    Converged,
    /// Not as it shall be; the next pass tries again.
    Failed(Problem),
    /// This host can't do it; the rest works, and it heals by itself once the host can.
    Unsupported(Problem),
}

impl ConditionState {
    /// The word in output and database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Converged => "converged",
            Self::Failed(_) => "failed",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// The problem of a resource that is not as it shall be.
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Failed(problem) | Self::Unsupported(problem) => Some(problem),
            Self::Pending | Self::Converged => None,
        }
    }
}

/// A resource's state with what was observed on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Condition {
    /// Which part.
    pub resource: Resource,
    /// How far it is.
    #[serde(flatten)]
    pub state: ConditionState,
    /// What the host showed, by name: values read back, not what was asked for.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub observed: serde_json::Map<String, serde_json::Value>,
}

impl Condition {
    /// A condition with nothing observed.
    pub fn new(resource: Resource, state: ConditionState) -> Self {
        Self { resource, state, observed: serde_json::Map::new() }
    }

    /// Adds an observed value.
    #[must_use]
    pub fn observe(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.observed.insert(name.to_owned(), value.into());
        self
    }
}

/// How an account is as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Convergence {
    /// The node has not reported on the newest generation yet.
    Provisioning,
    /// Everything is as it shall be, or the host can't do it and says so.
    Converged,
    /// At least one resource failed.
    Failed,
}

/// Sums up an account: `observed` is the newest generation that the node has reported on.
pub fn convergence(generation: u64, observed: u64, conditions: &[Condition]) -> Convergence {
    let failed = conditions.iter().any(|c| matches!(c.state, ConditionState::Failed(_)));
    let pending = conditions.iter().any(|c| matches!(c.state, ConditionState::Pending));
    if observed < generation || pending || conditions.is_empty() {
        Convergence::Provisioning
    } else if failed {
        Convergence::Failed
    } else {
        Convergence::Converged
    }
}
