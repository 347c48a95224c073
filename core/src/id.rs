//! Identifiers: one type per kind of object, so that they can't be confused.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id (UUID version 7, RFC 9562) from the moment and ten bytes of randomness.
            pub fn new(now: DateTime<Utc>, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A person who signs in.
    UserId;
    /// A tenant.
    AccountId;
    /// A hosting package.
    PackageId;
    /// A domain with its site.
    DomainId;
    /// A public key of an account.
    SshKeyId;
    /// Something that an account may reach on the network.
    EgressRuleId;
    /// A timer of an account.
    TimerId;
    /// A server.
    NodeId;
    /// A key for the API.
    ApiKeyId;
    /// Something that has happened.
    EventId;
    /// Somebody who is told of events.
    WebhookId;
    /// An event on its way to a webhook.
    DeliveryId;
    /// A website as Installatron defines them.
    WebsiteId;
    /// A session of the panel.
    SessionId;
    /// The grant by which an administrator acts in somebody's place.
    ImpersonationId;
    /// An invitation or a registration.
    InvitationId;
    /// A mail that Berth sends.
    MailId;
    /// A link that was mailed to somebody.
    LinkId;
    /// Something that was changed on a node and put right.
    DriftId;
    /// A question to a node.
    InquiryId;
    /// An order to move a left-over home aside.
    QuarantineId;
    /// One request, as named in answers and logs.
    RequestId;
}
