//! The server block of a site with settings of its own.

use std::fmt::Write as _;

use berth_core::certificate::{SiteCertificate, Thumbprint};
use berth_core::layout::{self, CLOSED_HOSTS, PHP_HOST_DIR, TLS_DIR};
use berth_core::name::Fqdn;
use berth_core::spec::{AccountSpec, SiteSpec};

use super::config::{challenges, listen};
use super::locations;
use crate::resource::tls;

/// What a block depends on beside the site's spec.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Whether IPv6 is there to listen on.
    pub ipv6: bool,
    /// What challenges of the certification authority are answered with.
    pub acme: Option<&'a Thumbprint>,
    /// The certificate that was issued for the site.
    pub certificate: Option<&'a SiteCertificate>,
}

/// Name of the block's file in its directory.
pub fn file_name(site: &SiteSpec) -> String {
    format!("{}.conf", layout::host_file(&site.fqdn))
}

/// The block. Host names, username and document root are parsed types whose characters mean nothing to
/// nginx; `no_value_escapes` proves it.
pub fn render(spec: &AccountSpec, site: &SiteSpec, setting: &Setting<'_>) -> String {
    let user = &spec.username;
    let trusted = layout::site_dir(user, &site.fqdn);
    let file = layout::host_file(&site.fqdn);
    let names: Vec<&str> = site.hosts().map(Fqdn::as_str).collect();
    let locations = locations::render(
        &format!("{trusted}/{}", site.docroot),
        &trusted,
        &format!("{PHP_HOST_DIR}/{file}.sock"),
        &format!("{CLOSED_HOSTS}/{file}"),
    );
    format!(
        r"# Site {fqdn} of {user}. Berth's resource `site` owns this file: edits are undone.
    server {{
{listen}        server_name {names};
{keys}
{challenges}{encryption}{locations}    }}
",
        fqdn = site.fqdn,
        listen = listen(setting.ipv6, ""),
        names = names.join(" "),
        keys = keys(site, setting.certificate),
        challenges = challenges(setting.acme),
        encryption = encryption(site, setting.certificate),
    )
}

/// Where certificate and key are. nginx reads them at a reload, which the certificate's name in the text brings
/// about. If the site's own name is not in the certificate, another name of the site is.
fn keys(site: &SiteSpec, certificate: Option<&SiteCertificate>) -> String {
    let covered = site.hosts().find(|host| tls::covers(certificate, host));
    let file = layout::host_file(covered.unwrap_or(&site.fqdn));
    let which = certificate.map_or("signed by itself", |certificate| certificate.fingerprint.as_str());
    format!(
        "        # {which}
        ssl_certificate {TLS_DIR}/{file}.crt;
        ssl_certificate_key {TLS_DIR}/{file}.key;
"
    )
}

/// What is said to visitors about coming by HTTPS, name by name: one name of a site may have a certificate and
/// another none. Only over HTTPS is a browser told to remember it (RFC 6797, section 7.2), and only with a
/// certificate that it trusts, since afterwards it takes no other.
fn encryption(site: &SiteSpec, certificate: Option<&SiteCertificate>) -> String {
    let mut text = String::new();
    let redirected: Vec<&Fqdn> =
        site.hosts().filter(|host| tls::redirects(site, host, certificate)).collect();
    let remembered: Vec<&Fqdn> =
        site.hosts().filter(|host| site.hsts.is_some() && tls::covers(certificate, host)).collect();
    if redirected.is_empty() && remembered.is_empty() {
        return text;
    }
    text.push_str("        set $berth_asked $scheme:$host;\n");
    for host in redirected {
        let _ = write!(
            text,
            r#"        if ($berth_asked = "http:{host}") {{
            return 301 https://$host$request_uri;
        }}
"#
        );
    }
    if let Some(age) = site.hsts.filter(|_| !remembered.is_empty()) {
        text.push_str("        set $berth_hsts \"\";\n");
        for host in remembered {
            let _ = write!(
                text,
                r#"        if ($berth_asked = "https:{host}") {{
            set $berth_hsts "max-age={age}";
        }}
"#,
                age = age.seconds()
            );
        }
        // Without a value nginx sends no such header.
        text.push_str("        add_header Strict-Transport-Security $berth_hsts always;\n");
    }
    text.push('\n');
    text
}
