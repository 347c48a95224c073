//! The panel's first certificate: signed by itself, so that the panel is never without TLS.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use berth_server::clock::Clock;
use chrono::{Datelike, Days};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};

use crate::failure::Failure;
use crate::files::{self, Owner};

/// How long the certificate is valid. Nobody but its own installation vouches for it, so a short life would
/// protect nobody, while its end would lock out every client that was told to trust it.
const YEARS: i32 = 10;

/// Makes certificate and key unless both are there. Says whether it did.
pub(super) fn ensure(
    certificate: &Path,
    key: &Path,
    owner: Option<Owner>,
    hostname: &str,
    addresses: &BTreeSet<IpAddr>,
    clock: &dyn Clock,
) -> Result<bool, Failure> {
    if certificate.exists() && key.exists() {
        return Ok(false);
    }
    let failed = |error: rcgen::Error| Failure::local("cannot make the panel's certificate", error);
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let signed = params(hostname, addresses, clock).map_err(failed)?.self_signed(&pair).map_err(failed)?;
    // The key first: a certificate without its key would count as a mistake of the operator's.
    for (path, text, mode) in [(key, pair.serialize_pem(), 0o600), (certificate, signed.pem(), 0o644)] {
        files::replace_as(path, text.as_bytes(), mode, owner)
            .map_err(|error| Failure::local(format!("cannot write {}", path.display()), error))?;
    }
    Ok(true)
}

fn params(
    hostname: &str,
    addresses: &BTreeSet<IpAddr>,
    clock: &dyn Clock,
) -> Result<CertificateParams, rcgen::Error> {
    let mut names = vec![hostname.to_owned()];
    if hostname != "localhost" {
        names.push("localhost".to_owned());
    }
    let mut params = CertificateParams::new(names)?;
    let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16])];
    params.subject_alt_names.extend(addresses.iter().copied().chain(loopback).map(SanType::IpAddress));
    let mut name = DistinguishedName::new();
    // A common name ends at 64 characters (RFC 5280); clients look at the alternative names anyway.
    name.push(DnType::CommonName, hostname.get(..64.min(hostname.len())).unwrap_or(hostname));
    params.distinguished_name = name;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Clients whose clocks are a little behind must be able to use it at once.
    let from = clock.now().date_naive();
    let from = from.checked_sub_days(Days::new(1)).unwrap_or(from);
    params.not_before = day(from.year(), from);
    params.not_after = day(from.year() + YEARS, from);
    Ok(params)
}

fn day(year: i32, day: chrono::NaiveDate) -> time::OffsetDateTime {
    let month = u8::try_from(day.month()).unwrap_or(1);
    // The 28th exists in every month of every year.
    let day = u8::try_from(day.day()).unwrap_or(1).min(28);
    rcgen::date_time_ymd(year, month, day)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use berth_server::clock::SystemClock;

    use super::*;

    #[test]
    fn it_is_made_once_and_rustls_takes_it() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("panel.crt"), dir.path().join("panel.key"));
        let addresses = BTreeSet::from([IpAddr::from([10, 7, 0, 2])]);
        let make =
            || ensure(&certificate, &key, None, "panel.example.com", &addresses, &SystemClock).unwrap();
        assert!(make());
        let first = std::fs::read(&certificate).unwrap();
        assert!(!make());
        assert_eq!(std::fs::read(&certificate).unwrap(), first);
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&certificate).unwrap().permissions().mode() & 0o777, 0o644);
        let pem = String::from_utf8(first).unwrap();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(reqwest::Certificate::from_pem(pem.as_bytes()).is_ok());
    }
}
