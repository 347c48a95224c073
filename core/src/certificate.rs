//! Certificates of sites, and how the node answers for their names.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroize;

use crate::name::{Fqdn, text_newtype};
use crate::{Code, Parse, Problem};

/// What names one certificate: the SHA-256 of its DER form, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Fingerprint(String);
text_newtype!(Fingerprint);

impl Parse for Fingerprint {
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new(Code::ValueInvalid, "not the fingerprint of a certificate"))
        }
    }
}

/// The thumbprint of the key of an ACME account (RFC 7638): with it a web server answers every challenge of
/// the kind http-01 (RFC 8555, section 8.3). It is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint(String);
text_newtype!(Thumbprint);

impl Parse for Thumbprint {
    fn parse(text: &str) -> Result<Self, Problem> {
        // SHA-256 in base64url without padding.
        if text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new(Code::ValueInvalid, "not the thumbprint of a key"))
        }
    }
}

/// A private key as PEM. It shows itself to nobody but whoever asks for [`PrivateKey::reveal`], and leaves
/// nothing in memory.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrivateKey(String);

impl PrivateKey {
    /// Takes a key in PEM.
    pub const fn new(pem: String) -> Self {
        Self(pem)
    }

    /// The key in PEM.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// A certificate that a node is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteCertificate {
    /// Which one.
    pub fingerprint: Fingerprint,
    /// The host names that it is valid for.
    pub names: Vec<Fqdn>,
    /// It and those that vouch for it, in PEM, its own first.
    pub chain: String,
    /// Its key.
    pub key: PrivateKey,
}

/// Where the certificate of a site stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// The installation gets no certificates: the site has one that is signed by itself.
    Off,
    /// The domain's ownership is unproven, so it gets none yet.
    Unproven,
    /// None yet, and nothing has gone wrong so far.
    Pending,
    /// There is one.
    Issued,
    /// None yet, since getting one has failed; it is tried again.
    Failed,
    /// There was one, and it has ended; it is tried again.
    Expired,
}

impl CertificateState {
    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Unproven => "unproven",
            Self::Pending => "pending",
            Self::Issued => "issued",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_one_is_a_name_of_a_file_or_part_of_a_configuration() {
        assert!(Fingerprint::parse(&"0a".repeat(32)).is_ok());
        for bad in ["", "../../etc/shadow", &"0A".repeat(32), &"g".repeat(64), &"a".repeat(63)] {
            assert!(Fingerprint::parse(bad).is_err(), "{bad}");
        }
        assert!(Thumbprint::parse("evnW7bNz-xGZVdM1pAsPUHzsFLXeHmIAPbAhWo5_bc0").is_ok());
        for bad in ["", "a", &"a".repeat(44), "evnW7bNz-xGZVdM1pAsPUHzsFLXeHmIAPbAhWo5_b\";", &"é".repeat(21)]
        {
            assert!(Thumbprint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_does_not_show() {
        let key = PrivateKey::new("-----BEGIN PRIVATE KEY-----".to_owned());
        assert!(!format!("{key:?}").contains("BEGIN"));
        assert!(key.reveal().contains("BEGIN"));
    }
}
