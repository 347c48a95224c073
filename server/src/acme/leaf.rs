use berth_core::Parse;
use berth_core::certificate::{Fingerprint, PrivateKey};
use berth_core::name::Fqdn;
use chrono::{DateTime, Utc};
use rcgen::{KeyPair, PublicKeyData};
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

/// What the first certificate of a chain says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Which one it is.
    pub fingerprint: Fingerprint,
    /// The host names that it is valid for.
    pub names: Vec<Fqdn>,
    /// Who issued it.
    pub issuer: String,
    /// From when it is valid.
    pub not_before: DateTime<Utc>,
    /// When it ends.
    pub not_after: DateTime<Utc>,
}

/// Why a chain is not what was ordered.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// It can't be read.
    #[error("the certificate can't be read: {0}")]
    Malformed(String),
    /// It is for somebody else's key.
    #[error("the certificate is for another key than the one that it was ordered for")]
    OtherKey,
}

impl Leaf {
    /// Reads the first certificate of a chain in PEM, which has to be for this key.
    ///
    /// # Errors
    /// It is none, or for another key.
    pub fn read(chain: &str, key: &PrivateKey) -> Result<Self, LeafError> {
        let malformed = |error: &dyn std::fmt::Display| LeafError::Malformed(error.to_string());
        let (_, pem) = parse_x509_pem(chain.as_bytes()).map_err(|error| malformed(&error))?;
        let certificate = pem.parse_x509().map_err(|error| malformed(&error))?;
        let pair = KeyPair::from_pem(key.reveal()).map_err(|error| malformed(&error))?;
        if certificate.public_key().raw != pair.subject_public_key_info() {
            return Err(LeafError::OtherKey);
        }
        let alternative = certificate.subject_alternative_name().map_err(|error| malformed(&error))?;
        let mut names: Vec<Fqdn> = alternative
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Fqdn::parse(name).ok(),
                _ => None,
            })
            .collect();
        names.sort();
        let moment = |seconds: i64| {
            DateTime::from_timestamp(seconds, 0).ok_or_else(|| malformed(&"its dates are out of range"))
        };
        let issuer = certificate.issuer();
        let common = issuer.iter_common_name().next().and_then(|name| name.as_str().ok());
        let shown: String = common.map_or_else(|| issuer.to_string(), str::to_owned);
        Ok(Self {
            fingerprint: Fingerprint::parse(&hex::encode(Sha256::digest(&pem.contents)))
                .map_err(|problem| malformed(&problem))?,
            names,
            issuer: shown.chars().filter(|c| !c.is_control()).take(100).collect(),
            not_before: moment(certificate.validity().not_before.timestamp())?,
            not_after: moment(certificate.validity().not_after.timestamp())?,
        })
    }

    /// When it is time for the next one: after two thirds of its life.
    pub fn renew_at(&self) -> DateTime<Utc> {
        renew_at(self.not_before, self.not_after)
    }
}

/// When it is time for the next certificate: after two thirds of this one's life.
pub(crate) fn renew_at(not_before: DateTime<Utc>, not_after: DateTime<Utc>) -> DateTime<Utc> {
    not_before + (not_after - not_before) * 2 / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(names: &[&str]) -> (String, PrivateKey) {
        let key = KeyPair::generate().unwrap();
        let mut params =
            rcgen::CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.not_before = rcgen::date_time_ymd(2027, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 4, 1);
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), PrivateKey::new(key.serialize_pem()))
    }

    #[test]
    fn a_leaf_says_what_it_is() {
        let (chain, key) = signed(&["www.a.example", "a.example"]);
        let leaf = Leaf::read(&format!("{chain}{chain}"), &key).unwrap();
        let names: Vec<_> = leaf.names.iter().map(Fqdn::as_str).collect();
        assert_eq!(names, ["a.example", "www.a.example"]);
        assert_eq!(leaf.renew_at().to_rfc3339(), "2027-03-02T00:00:00+00:00");
        let (_, other) = signed(&["a.example"]);
        assert!(matches!(Leaf::read(&chain, &other), Err(LeafError::OtherKey)));
        for bad in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(Leaf::read(bad, &key), Err(LeafError::Malformed(_))), "{bad}");
        }
    }
}
