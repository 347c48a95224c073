//! What is inside every server, whether it serves the host tree or one site.

use berth_core::layout::{PHP_HOST_DIR, WEB_USER_TREE};

use crate::php::pool::REQUEST_SECONDS;

/// Answers for what nginx itself has to say; a site's own pages are its own business.
const PAGES: &str = r#"
        location @no_site {
            types {}
            default_type "text/html; charset=utf-8";
            add_header Cache-Control no-store always;
            return 404 "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>No site here</title><style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}</style><h1>No site here</h1><p>This server has no site under this name.</html>";
        }
        location @closed {
            types {}
            default_type "text/html; charset=utf-8";
            add_header Cache-Control no-store always;
            add_header Retry-After 3600 always;
            return 503 "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><meta name=robots content=noindex><title>Site suspended</title><style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}</style><h1>This site is suspended</h1><p>It is switched off at the moment. If it is yours, sign in to your hosting account or ask your provider.</html>";
        }
        location @unavailable {
            types {}
            default_type "text/html; charset=utf-8";
            add_header Cache-Control no-store always;
            add_header Retry-After 30 always;
            return 503 "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Not available</title><style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}</style><h1>Not available</h1><p>This site can't answer right now. Please try again later.</html>";
        }
"#;

/// The directives of a server that serves `root`, whose links are checked from `trusted` on, with PHP behind
/// `socket`, unless there is something at `closed`. The four are nginx values: variables, or texts without any
/// meaning to nginx.
pub(super) fn render(root: &str, trusted: &str, socket: &str, closed: &str) -> String {
    let fastcgi = fastcgi();
    format!(
        r#"        # Before anything of the account is looked at. The code is never sent.
        if (-e {closed}) {{
            return 418;
        }}
        root {root};
        disable_symlinks if_not_owner from={trusted};
        index index.php index.html index.htm;

        # Only what nginx itself finds wrong; answers of PHP pass.
        error_page 418 = @closed;
        error_page 421 = @no_site;
        error_page 502 504 = @unavailable;

        # The first matching expression wins, so what is hidden stays hidden.
        location ~ /\.(?!well-known(?:/|$)) {{
            return 404;
        }}

        # Pages of web users. Whose, is said by two names that were checked, and links that only root makes.
        location ~ "^/~[A-Za-z][A-Za-z0-9._-]{{0,31}}\z" {{
            return 301 $uri/$is_args$args;
        }}
        location ~ "^/~[A-Za-z][A-Za-z0-9._-]{{0,31}}(?<berth_script>/(?:.*/)?[^/]+\.php)\z" {{
            alias {WEB_USER_TREE}/$berth_host~$berth_login/public_html$berth_script;
            disable_symlinks if_not_owner from={WEB_USER_TREE}/$berth_host~$berth_login;
            if (!-f $request_filename) {{
                return 404;
            }}
            # Without PHP a script is not shown as a text.
            if (!-e {PHP_HOST_DIR}/~$berth_login.sock) {{
                return 403;
            }}
            set $berth_path_info "";
{fastcgi}            # All of the path: of an alias with captures, the root is the file itself.
            fastcgi_param SCRIPT_FILENAME $realpath_root;
            fastcgi_param SCRIPT_NAME $uri;
            fastcgi_pass unix:{PHP_HOST_DIR}/~$berth_login.sock;
        }}
        location ~ "^/~[A-Za-z][A-Za-z0-9._-]{{0,31}}(?<berth_page>/.*)\z" {{
            alias {WEB_USER_TREE}/$berth_host~$berth_login/public_html$berth_page;
            disable_symlinks if_not_owner from={WEB_USER_TREE}/$berth_host~$berth_login;
        }}

        location / {{
            try_files $uri $uri/ /index.php$is_args$args;
        }}

        location ~ \.php(?:/|$) {{
            fastcgi_split_path_info ^(.+?\.php)(/.*)$;
            set $berth_path_info $fastcgi_path_info;
            # A script that is not there is not passed on: `upload.jpg/x.php` runs nothing.
            try_files $fastcgi_script_name =404;

{fastcgi}            fastcgi_param SCRIPT_NAME $fastcgi_script_name;
            fastcgi_param SCRIPT_FILENAME $realpath_root$fastcgi_script_name;
            fastcgi_param DOCUMENT_ROOT $realpath_root;
            fastcgi_pass unix:{socket};
        }}
{PAGES}"#
    )
}

/// What PHP is told of a request, and how long nginx waits for it, beside the script.
fn fastcgi() -> String {
    let patience = REQUEST_SECONDS + 10;
    format!(
        "            # As Debian's fastcgi_params, with the server's name from the checked host.
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param PATH_INFO $berth_path_info;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param DOCUMENT_URI $document_uri;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param REQUEST_SCHEME $scheme;
            fastcgi_param HTTPS $https if_not_empty;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param SERVER_SOFTWARE nginx;
            fastcgi_param REMOTE_ADDR $remote_addr;
            fastcgi_param REMOTE_PORT $remote_port;
            fastcgi_param REMOTE_USER $remote_user;
            fastcgi_param SERVER_ADDR $server_addr;
            fastcgi_param SERVER_PORT $server_port;
            fastcgi_param SERVER_NAME $host;
            fastcgi_param HTTP_HOST $host;
            # Scripts take it for the proxy to use (httpoxy).
            fastcgi_param HTTP_PROXY \"\";
            fastcgi_param REDIRECT_STATUS 200;

            # Answers wait in memory or not at all: the tenant's quota does not count nginx's files.
            fastcgi_buffers 16 16k;
            fastcgi_buffer_size 16k;
            fastcgi_max_temp_file_size 0;
            fastcgi_connect_timeout 30s;
            fastcgi_send_timeout 60s;
            fastcgi_read_timeout {patience}s;
"
    )
}
