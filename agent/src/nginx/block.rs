//! The server block of a site with settings of its own.

use berth_core::layout::{self, CLOSED_HOSTS, PHP_HOST_DIR, TLS_DIR};
use berth_core::spec::{AccountSpec, SiteSpec};

use super::config::listen;
use super::locations;

/// Name of the block's file in its directory.
pub fn file_name(site: &SiteSpec) -> String {
    format!("{}.conf", layout::host_file(&site.fqdn))
}

/// The block. Host names, username and document root are parsed types whose characters mean nothing to
/// nginx; `no_value_escapes` proves it.
pub fn render(spec: &AccountSpec, site: &SiteSpec, ipv6: bool) -> String {
    let user = &spec.username;
    let trusted = layout::site_dir(user, &site.fqdn);
    let file = layout::host_file(&site.fqdn);
    let names: Vec<&str> = site.hosts().map(berth_core::name::Fqdn::as_str).collect();
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
        ssl_certificate {TLS_DIR}/{file}.crt;
        ssl_certificate_key {TLS_DIR}/{file}.key;

{locations}    }}
",
        fqdn = site.fqdn,
        listen = listen(ipv6, ""),
        names = names.join(" "),
    )
}
