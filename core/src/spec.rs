//! What a node shall make of an account: complete, re-validated by every type in it, and nothing more.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::Uid;
use crate::certificate::Fingerprint;
use crate::domain::{Docroot, HstsAge, HttpsRedirect};
use crate::egress::EgressRule;
use crate::id::{AccountId, DomainId};
use crate::layout::HOST_TREE_MAX;
use crate::name::{DisplayName, Fqdn, Username};
use crate::package::{Bounds, EgressPolicy, TimerMode};
use crate::ssh_key::SshPublicKey;
use crate::standing::Standing;
use crate::timer::{Schedule, TimerCommand, TimerName, TimerTimeout};
use crate::web_user::{CryptHash, WebUserLogin, WebUserQuota};

/// Everything that a node needs to know about one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// The account.
    pub account: AccountId,
    /// Rises with every change; a node never goes back to an older one.
    pub generation: u64,
    /// Name of the Unix account.
    pub username: Username,
    /// Number of the Unix account and of its group.
    pub uid: Uid,
    /// For the comment field of the Unix account.
    pub display_name: DisplayName,
    /// What of it is open.
    #[serde(default, skip_serializing_if = "Standing::is_open")]
    pub standing: Standing,
    /// File transfer.
    pub sftp: SftpSpec,
    /// How timers run.
    pub timers: TimerMode,
    /// The timers, by name; none where they don't run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timer_list: Vec<TimerSpec>,
    /// What the network allows.
    pub egress: EgressSpec,
    /// Limits that count.
    pub bounds: Bounds,
    /// Sites, the primary one first.
    pub sites: Vec<SiteSpec>,
    /// Web users of the sites, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub web_users: Vec<WebUserSpec>,
}

/// A web user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebUserSpec {
    /// What they sign in with, and the name of their Unix account.
    pub login: WebUserLogin,
    /// Number of that Unix account and of its group.
    pub uid: Uid,
    /// The site that they belong to.
    pub domain: DomainId,
    /// Their password; without one nobody gets in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<CryptHash>,
    /// How much they may store; never more than the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<WebUserQuota>,
    /// Whether PHP runs for them.
    #[serde(default)]
    pub php: bool,
}

/// File transfer of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftpSpec {
    /// Whether anybody gets in at all.
    pub enabled: bool,
    /// The keys that open it.
    pub keys: Vec<SshPublicKey>,
}

/// What the network allows an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressSpec {
    /// What its package allows.
    pub policy: EgressPolicy,
    /// What it may reach beside that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<EgressRule>,
}

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimerSpec {
    /// Its name.
    pub name: TimerName,
    /// When it is due.
    pub schedule: Schedule,
    /// What it runs.
    pub command: TimerCommand,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// After how many seconds a run is ended.
    pub timeout_s: TimerTimeout,
    /// The last time that somebody wanted it to run now. A node runs it once for each, if it hears of it soon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_wanted_at: Option<DateTime<Utc>>,
}

/// One site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSpec {
    /// The domain that the site belongs to.
    pub domain: DomainId,
    /// Its name, and the name of its directory.
    pub fqdn: Fqdn,
    /// Other host names that show the same site.
    pub aliases: Vec<Fqdn>,
    /// Where its files are.
    pub docroot: Docroot,
    /// The certificate that the server has for it; until there is one, the node signs its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Fingerprint>,
    /// Whether visitors are sent to HTTPS.
    #[serde(default)]
    pub https_redirect: HttpsRedirect,
    /// For how long browsers remember to come by HTTPS only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<HstsAge>,
}

impl SiteSpec {
    /// Every host name of the site.
    pub fn hosts(&self) -> impl Iterator<Item = &Fqdn> {
        std::iter::once(&self.fqdn).chain(&self.aliases)
    }

    /// Whether the host tree can serve the site; otherwise it gets a server block of its own.
    pub fn is_standard(&self) -> bool {
        self.docroot.is_standard()
            && self.hsts.is_none()
            && self.hosts().all(|host| host.as_str().len() <= HOST_TREE_MAX)
    }
}
