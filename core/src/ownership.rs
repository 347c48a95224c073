//! How somebody proves that a domain is theirs: by a text that only the owner of the name can publish.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::{Fqdn, text_newtype};
use crate::{Code, Parse, Problem};

/// Where the file with the proof is, on whatever server answers for the name now.
pub const PROOF_PATH: &str = "/.well-known/berth-verification.txt";

/// How long Berth looks for a proof by itself, in days. After that it looks when it is told to.
pub const LOOKING_DAYS: i64 = 30;

/// The random part of a proof, one for each domain: 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct OwnershipToken(String);
text_newtype!(OwnershipToken);

impl OwnershipToken {
    /// A token of twenty random bytes.
    pub fn new(random: [u8; 20]) -> Self {
        Self(hex::encode(random))
    }

    /// The text that proves ownership, as TXT record or as the first line of a file.
    pub fn proof(&self) -> String {
        format!("berth-verification={self}")
    }
}

impl Parse for OwnershipToken {
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new(Code::ValueInvalid, "not a token of ownership"))
        }
    }
}

/// The name of the TXT record that proves ownership of a domain.
pub fn record_name(fqdn: &Fqdn) -> String {
    format!("_berth.{fqdn}")
}

/// How a domain's ownership became certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// By a TXT record.
    Dns,
    /// By a file.
    File,
    /// By an administrator's word.
    Approval,
}

impl ProofKind {
    /// The word in output and audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::File => "file",
            Self::Approval => "approval",
        }
    }
}
