//! Certificates: one for each host name, signed by itself until the server has sent one that was issued.

use berth_core::Problem;
use berth_core::certificate::SiteCertificate;
use berth_core::domain::HttpsRedirect;
use berth_core::layout::{self, TLS_DIR};
use berth_core::name::Fqdn;
use berth_core::spec::SiteSpec;
use chrono::{DateTime, Datelike, Utc};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::{Context, Failure};
use crate::host::{Attributes, Host, HostError, Owner};
use crate::ledger::Certificates;
use crate::nginx::server::make_dir;

/// The certificate that is shown to who asks for no name of ours.
pub const NO_HOST: &str = "_default";

const KEY_MODE: u32 = 0o640;
const CERTIFICATE_MODE: u32 = 0o644;
/// Years until a certificate signed by itself ends.
const YEARS: i32 = 10;
/// Longest common name (X.520); a longer host is only in the alternative names, which is what counts.
const COMMON_NAME_MAX: usize = 64;

/// The certificate that was issued for a site, if the node has it.
pub fn of<'a>(site: &SiteSpec, certificates: &'a Certificates) -> Option<&'a SiteCertificate> {
    certificates.get(site.certificate.as_ref()?)
}

/// Whether a certificate is valid for a name.
pub fn covers(certificate: Option<&SiteCertificate>, host: &Fqdn) -> bool {
    certificate.is_some_and(|certificate| certificate.names.contains(host))
}

/// Whether visitors of a name who come without encryption are sent to HTTPS.
pub fn redirects(site: &SiteSpec, host: &Fqdn, certificate: Option<&SiteCertificate>) -> bool {
    match site.https_redirect {
        HttpsRedirect::On => true,
        HttpsRedirect::Auto => covers(certificate, host),
        HttpsRedirect::Off => false,
    }
}

/// Sees to it that each name of a site is answered with the certificate that was issued for it, or with one
/// that is signed by itself.
pub fn ensure_site(context: &Context<'_>, site: &SiteSpec) -> Result<(), Failure> {
    let issued = of(site, context.certificates);
    for host in site.hosts() {
        let file = layout::host_file(host);
        match issued.filter(|_| covers(issued, host)) {
            Some(issued) => install(context, &file, issued)?,
            None => ensure(context, &file, host.as_str())?,
        }
    }
    Ok(())
}

/// Removes certificate and key of a name that has no site any more.
pub fn remove(host: &dyn Host, file: &str) -> Result<(), HostError> {
    host.remove_file(&format!("{TLS_DIR}/{file}.crt"))?;
    host.remove_file(&format!("{TLS_DIR}/{file}.key"))?;
    Ok(())
}

/// Puts a certificate that was issued into its place. The web server reads it at the next handshake.
fn install(context: &Context<'_>, file: &str, issued: &SiteCertificate) -> Result<(), Failure> {
    make_dir(context.host, TLS_DIR)?;
    let owner = Owner { uid: context.ids.tls_uid, gid: context.ids.web_gid };
    let parts = [
        (format!("{TLS_DIR}/{file}.key"), issued.key.reveal(), owner, KEY_MODE),
        (format!("{TLS_DIR}/{file}.crt"), issued.chain.as_str(), Owner::ROOT, CERTIFICATE_MODE),
    ];
    for (path, text, owner, mode) in parts {
        let wanted = Attributes::plain(owner, mode);
        match context.host.entry(&path)? {
            Some(found) if context.host.read(&path)?.as_deref() == Some(text.as_bytes()) => {
                if found.attributes != wanted {
                    context.host.set_attributes(&path, &wanted)?;
                }
            }
            _ => context.host.replace_file(&path, text.as_bytes(), owner, mode)?,
        }
    }
    Ok(())
}

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
