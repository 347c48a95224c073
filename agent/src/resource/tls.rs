//! Certificates: one for each host name, signed by itself until somebody gives a better one.

use berth_core::Problem;
use berth_core::layout::TLS_DIR;
use chrono::{DateTime, Datelike, Utc};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::{Context, Failure};
use crate::host::{Attributes, HostError, Owner};
use crate::nginx::server::make_dir;

/// The certificate that is shown to who asks for no name of ours.
pub const NO_HOST: &str = "_default";

const KEY_MODE: u32 = 0o640;
const CERTIFICATE_MODE: u32 = 0o644;
/// Years until a certificate signed by itself ends.
const YEARS: i32 = 10;
/// Longest common name (X.520); a longer host is only in the alternative names, which is what counts.
const COMMON_NAME_MAX: usize = 64;

/// Sees to it that certificate and key of a host are there, and that only nginx's workers can read the key.
/// What is there already is kept, whoever it is from.
pub fn ensure(context: &Context<'_>, file: &str, host_name: &str) -> Result<(), Failure> {
    let host = context.host;
    let (certificate, key) = (format!("{TLS_DIR}/{file}.crt"), format!("{TLS_DIR}/{file}.key"));
    let owner = Owner { uid: context.ids.tls_uid, gid: context.ids.web_gid };
    if let (Some(_), Some(found)) = (host.entry(&certificate)?, host.entry(&key)?) {
        let wanted = Attributes::plain(owner, KEY_MODE);
        if found.attributes != wanted {
            host.set_attributes(&key, &wanted)?;
        }
        return Ok(());
    }
    make_dir(host, TLS_DIR)?;
    let (certificate_text, key_text) = self_signed(host_name, context.now)
        .map_err(|error| Problem::from(HostError::because("make", &certificate, error.to_string())))?;
    host.replace_file(&key, key_text.as_bytes(), owner, KEY_MODE)?;
    host.replace_file(&certificate, certificate_text.as_bytes(), Owner::ROOT, CERTIFICATE_MODE)?;
    Ok(())
}

/// A new key and a certificate for a name, both as PEM.
fn self_signed(host_name: &str, now: DateTime<Utc>) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(vec![host_name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    if host_name.len() <= COMMON_NAME_MAX {
        params.distinguished_name.push(DnType::CommonName, host_name);
    }
    let day = |moment: DateTime<Utc>, years: i32| {
        let date = moment.date_naive();
        // The 28th exists in every month of every year.
        let (month, day) = (u8::try_from(date.month()), u8::try_from(date.day().min(28)));
        rcgen::date_time_ymd(date.year() + years, month.unwrap_or(1), day.unwrap_or(1))
    };
    // A day earlier, for clients whose clocks are behind.
    params.not_before = day(now - chrono::TimeDelta::days(1), 0);
    params.not_after = day(now, YEARS);
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests;
