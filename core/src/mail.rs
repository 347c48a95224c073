//! Mail that Berth sends, and the links in it.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Code, Parse, Problem};

macro_rules! words {
    ($(#[$doc:meta])* $type:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum $type {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $type {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in output and database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl Parse for $type {
            fn parse(text: &str) -> Result<Self, Problem> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or_else(|| {
                    Problem::new(Code::ValueInvalid, concat!("this is not ", $what))
                })
            }
        }
    };
}

words! {
    /// What a link lets its user do, once.
    LinkKind, "a kind of link" {
        /// Set the first password.
        SetPassword => "set_password",
        /// Set a password instead of a forgotten one.
        Recovery => "recovery",
        /// Agree to a change of address, from the old one.
        EmailOld => "email_old",
        /// Agree to a change of address, from the new one.
        EmailNew => "email_new",
    }
}

impl LinkKind {
    /// For how long a link works.
    pub const fn lifetime(self) -> TimeDelta {
        match self {
            Self::SetPassword => TimeDelta::hours(72),
            Self::Recovery => TimeDelta::hours(1),
            Self::EmailOld | Self::EmailNew => TimeDelta::hours(24),
        }
    }

    /// Where the link leads to, below the panel's address; the token follows.
    pub const fn path(self) -> &'static str {
        match self {
            Self::SetPassword => "/set-password/",
            Self::Recovery => "/recover/",
            Self::EmailOld | Self::EmailNew => "/confirm-email/",
        }
    }
}

/// Where the link of an invitation leads to, below the panel's address; the token follows.
pub const INVITATION_PATH: &str = "/invitation/";

words! {
    /// Why somebody may become a user.
    InvitationOrigin, "an origin of an invitation" {
        /// Somebody invited them.
        Invitation => "invitation",
        /// They registered.
        Registration => "registration",
    }
}

words! {
    /// What a mail is about.
    MailKind, "a kind of mail" {
        /// A new user: where to sign in, and how to set a password.
        Welcome => "welcome",
        /// A forgotten password.
        Recovery => "recovery",
        /// An invitation.
        Invitation => "invitation",
        /// A registration that goes on with this mail.
        Registration => "registration",
        /// A registration with an address that somebody has.
        AlreadyRegistered => "already_registered",
        /// A change of address, to the old one.
        EmailChangeOld => "email_change_old",
        /// A change of address, to the new one.
        EmailChangeNew => "email_change_new",
        /// The second factor was reset.
        SecondFactorReset => "second_factor_reset",
        /// The user was suspended.
        Suspended => "suspended",
    }
}

words! {
    /// What became of a mail.
    MailState, "a state of a mail" {
        /// It is to be sent.
        Waiting => "waiting",
        /// The relay has it.
        Sent => "sent",
        /// It was given up.
        Failed => "failed",
    }
}

words! {
    /// How an invitation stands.
    InvitationState, "a state of an invitation" {
        /// An administrator has to approve it.
        AwaitsApproval => "awaits_approval",
        /// It can be accepted.
        Pending => "pending",
        /// It was not accepted in time.
        Expired => "expired",
        /// Somebody came of it.
        Accepted => "accepted",
        /// It was taken back.
        Revoked => "revoked",
    }
}
