//! nginx's main configuration and the unit's drop-in.

use berth_core::certificate::Thumbprint;
use berth_core::layout::{
    CLOSED_HOSTS, HOST_TREE, HOST_TREE_MAX, HTTPS_DIR, LOG_DIR, PHP_HOST_DIR, SITES_DIR, TLS_DIR, WEB_USER,
};

use super::{CANDIDATE_SITES, LOCAL_DIR, MAIN, SCRATCH_DIR, locations};
use crate::resource::tls::NO_HOST;

/// What stands for a host that is nobody's. An underscore is in no host name.
const NOBODY: &str = "_";

/// Lines by which a server listens.
pub(super) fn listen(ipv6: bool, options: &str) -> String {
    let lines = format!("        listen 80{options};\n        listen 443 ssl{options};\n");
    if ipv6 {
        format!("{lines}        listen [::]:80{options};\n        listen [::]:443 ssl{options};\n")
    } else {
        lines
    }
}

/// Answers challenges of the certification authority (RFC 8555, section 8.3), for whatever name it comes: the
/// answer says only that the account's owner governs this web server. It comes before redirects and needs
/// nothing on disk.
pub(super) fn challenges(acme: Option<&Thumbprint>) -> String {
    acme.map_or_else(String::new, |thumbprint| {
        format!(
            r#"        if ($uri ~ "^/\.well-known/acme-challenge/(?<berth_token>[A-Za-z0-9_-]{{1,200}})\z") {{
            return 200 "$berth_token.{thumbprint}";
        }}
"#
        )
    })
}

/// Which server blocks a main configuration includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// Those in use.
    Live,
    /// Those of the candidate.
    Candidate,
}

/// The main configuration.
pub fn main(ipv6: bool, blocks: Blocks, acme: Option<&Thumbprint>) -> String {
    let sites = match blocks {
        Blocks::Live => SITES_DIR,
        Blocks::Candidate => CANDIDATE_SITES,
    };
    let challenges = challenges(acme);
    let longest = HOST_TREE_MAX - 2;
    let listen = listen(ipv6, " default_server");
    let locations = locations::render(
        &format!("{HOST_TREE}/$berth_host/public_html"),
        &format!("{HOST_TREE}/$berth_host"),
        &format!("{PHP_HOST_DIR}/$berth_host.sock"),
        &format!("{CLOSED_HOSTS}/$berth_host"),
    );
    format!(
        r#"# Berth's resource `site` owns this file: edits are undone. Your own settings go into
# {LOCAL_DIR}/*.conf or /etc/nginx/conf.d/*.conf.
user {WEB_USER};
worker_processes auto;
worker_rlimit_nofile 65536;
# Old workers end, even if somebody never finishes a request.
worker_shutdown_timeout 30s;
pid /run/nginx.pid;
error_log {LOG_DIR}/error.log warn;
include /etc/nginx/modules-enabled/*.conf;

events {{
    worker_connections 8192;
}}

http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    charset_types text/css text/plain application/javascript application/json;
    sendfile on;
    tcp_nopush on;
    server_tokens off;
    keepalive_timeout 65s;
    types_hash_max_size 4096;
    server_names_hash_max_size 65536;
    server_names_hash_bucket_size 512;
    gzip on;
    gzip_vary on;
    gzip_types text/css text/plain text/xml application/javascript application/json application/xml image/svg+xml;

    # Names from a client become part of a path only through these: lower case, no slash, no dot in front, and
    # nobody's name for everything else.
    map $host $berth_host {{
        default "{NOBODY}";
        "~^(?<berth_h>[a-z0-9][a-z0-9.-]{{0,{longest}}}[a-z0-9])\z" $berth_h;
    }}
    # The login of a web user, whose case counts.
    map $uri $berth_login {{
        default "{NOBODY}";
        "~^/~(?<berth_l>[A-Za-z][A-Za-z0-9._-]{{0,31}})(?:/|\z)" $berth_l;
    }}
    map $ssl_server_name $berth_sni {{
        default "{NO_HOST}";
        "~^(?<berth_s>[a-z0-9][a-z0-9.-]{{0,{longest}}}[a-z0-9])\z" $berth_s;
    }}
    # The name of who came without encryption.
    map $scheme $berth_plain {{
        default "{NOBODY}";
        http $berth_host;
    }}
    # Requests with a body, which nginx keeps in files.
    map $request_method $berth_writer {{
        default $host;
        GET "";
        HEAD "";
        OPTIONS "";
    }}

    # What one site may take of what all share.
    limit_conn_zone $host zone=berth_host:10m;
    limit_conn_zone $berth_writer zone=berth_writer:10m;
    limit_conn berth_host 256;
    limit_conn berth_writer 32;
    limit_conn_status 503;
    client_max_body_size 64m;
    client_body_timeout 60s;
    client_header_timeout 30s;
    send_timeout 60s;
    reset_timedout_connection on;
    client_body_temp_path {SCRATCH_DIR}/body;
    fastcgi_temp_path {SCRATCH_DIR}/fastcgi;
    proxy_temp_path {SCRATCH_DIR}/proxy;
    uwsgi_temp_path {SCRATCH_DIR}/uwsgi;
    scgi_temp_path {SCRATCH_DIR}/scgi;

    log_format berth escape=json '{{"time":"$time_iso8601","host":"$host","remote":"$remote_addr","method":"$request_method","uri":"$request_uri","protocol":"$server_protocol","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,"referer":"$http_referer","agent":"$http_user_agent","tls":"$ssl_protocol"}}';
    access_log {LOG_DIR}/access.log berth buffer=64k flush=1s;

    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:berth:10m;
    ssl_session_timeout 1d;
    ssl_session_tickets off;
    http2 on;

    # Every standard site: through the host tree.
    server {{
{listen}        server_name _;
        # Read at each handshake, so that a new site needs no reload.
        ssl_certificate {TLS_DIR}/$berth_sni.crt;
        ssl_certificate_key {TLS_DIR}/$berth_sni.key;

{challenges}        if (-d {HTTPS_DIR}/$berth_plain) {{
            return 301 https://$host$request_uri;
        }}
{locations}
        if (!-d {HOST_TREE}/$berth_host) {{
            return 421;
        }}
    }}

    include {sites}/*.conf;
    include {LOCAL_DIR}/*.conf;
    include /etc/nginx/conf.d/*.conf;
}}
"#
    )
}

/// The drop-in that has Debian's unit use [`MAIN`].
pub fn drop_in() -> String {
    let nginx = format!("/usr/sbin/nginx -c {MAIN} -g 'daemon on; master_process on;'");
    format!(
        "\
# Berth's resource `site` owns this file: edits are undone.
[Service]
ExecStartPre=
ExecStartPre=/usr/sbin/nginx -t -q -c {MAIN} -g 'daemon on; master_process on;'
ExecStart=
ExecStart={nginx}
ExecReload=
ExecReload={nginx} -s reload
LimitNOFILE=65536
"
    )
}
