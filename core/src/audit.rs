//! The audit log: entries chained by hash, so that a change to any of them shows.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// One thing that somebody did or tried, before it has a place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, by the server's clock.
    pub at: DateTime<Utc>,
    /// Who; see [`crate::role::Actor`].
    pub actor: Value,
    /// Who, for people.
    pub actor_label: String,
    /// What; see [`crate::policy::Action`].
    pub action: String,
    /// On what, for people: a username, domain or name.
    pub subject: String,
    /// The user concerned, so that their page can show it.
    pub user: Option<crate::id::UserId>,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// The request that it came with.
    pub request: String,
    /// Old and new values. Never a secret.
    pub detail: Value,
}

/// Whether what was asked for was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditOutcome {
    /// Yes.
    Done,
    /// No, because the actor may not.
    Refused,
}

impl AuditOutcome {
    /// The word in output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// Hash that the first entry follows.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl AuditEntry {
    /// The hash of this entry at its place: SHA-256 over the place, the hash before it and every field, each
    /// with its length in front, so that no two different entries give the same bytes. Hexadecimal.
    pub fn hash(&self, sequence: i64, previous: &str) -> String {
        let mut hasher = Sha256::new();
        let user = self.user.map(|user| user.to_string()).unwrap_or_default();
        for field in [
            sequence.to_string().as_str(),
            previous,
            &moment(self.at),
            &self.actor.to_string(),
            &self.actor_label,
            &self.action,
            &self.subject,
            &user,
            self.outcome.as_str(),
            &self.request,
            &self.detail.to_string(),
        ] {
            hasher.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(field.as_bytes());
        }
        hex::encode(hasher.finalize())
    }
}

/// A moment as the chain writes it: whole microseconds, which every engine keeps.
fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_changes_the_hash() {
        let entry = AuditEntry {
            at: DateTime::from_timestamp(1_700_000_000, 5_000).unwrap(),
            actor: Value::Null,
            actor_label: "a".into(),
            action: "b".into(),
            subject: "c".into(),
            user: None,
            outcome: AuditOutcome::Done,
            request: "r".into(),
            detail: Value::Null,
        };
        let base = entry.hash(1, GENESIS);
        assert_eq!(base.len(), 64);
        assert_ne!(base, entry.hash(2, GENESIS));
        assert_ne!(base, entry.hash(1, &base));
        let shifted = AuditEntry { actor_label: "ab".into(), action: String::new(), ..entry.clone() };
        assert_ne!(base, shifted.hash(1, GENESIS), "text can't move between fields");
        assert_ne!(base, AuditEntry { outcome: AuditOutcome::Refused, ..entry.clone() }.hash(1, GENESIS));
        assert_ne!(base, AuditEntry { detail: serde_json::json!({"a": 1}), ..entry }.hash(1, GENESIS));
    }
}
