//! The configuration of a tenant's PHP-FPM.

use berth_core::layout;
use berth_core::package::Bound;
use berth_core::spec::{AccountSpec, WebUserSpec};

/// Children of a package without a limit. The slice's limits on processes and memory count all the same.
const CHILDREN_UNLIMITED: u64 = 100;

/// Seconds that a request may take before it is ended.
pub const REQUEST_SECONDS: u32 = 300;

/// What PHP reads only when it starts, so that it can't be in the pool's configuration. The defaults give
/// every tenant 128 MiB for compiled scripts.
pub const START_SETTINGS: &[&str] = &["opcache.memory_consumption=64", "opcache.max_accelerated_files=10000"];

/// How many requests PHP may serve at the same time; none means that the account has no PHP, or is
/// closed.
pub fn children(spec: &AccountSpec) -> Option<u64> {
    if !spec.standing.is_open() {
        return None;
    }
    match spec.bounds.php_children {
        Bound::Unlimited => Some(CHILDREN_UNLIMITED),
        Bound::Max(0) => None,
        Bound::Max(max) => Some(max),
    }
}

/// The pool's configuration for an account that has PHP.
///
/// Every value is a parsed type whose characters mean nothing to PHP's parser; `no_value_escapes` proves it.
pub fn render(spec: &AccountSpec, children: u64) -> String {
    let (user, uid) = (&spec.username, spec.uid);
    let home = layout::home(user);
    let socket = layout::php_socket(uid);
    // Sessions must outlive the unit, whose /tmp is private and goes with it; uploads count as the tenant's.
    let scratch = match spec.sites.first() {
        Some(primary) => format!("{}/tmp", layout::site_dir(user, &primary.fqdn)),
        None => "/tmp".to_owned(),
    };
    format!(
        "\
; PHP of {user}. Berth's resource `php` owns this file: edits are undone.
[global]
error_log = syslog
syslog.ident = php-fpm-{user}
log_level = warning
daemonize = no
; A stop lets running requests end.
process_control_timeout = 20s

[{user}]
listen = {socket}
listen.backlog = 511
pm = ondemand
pm.max_children = {children}
pm.process_idle_timeout = 10s
pm.max_requests = 1000
request_terminate_timeout = {REQUEST_SECONDS}s
security.limit_extensions = .php
catch_workers_output = yes
decorate_workers_output = no
clear_env = yes
env[PATH] = /usr/local/bin:/usr/bin:/bin
env[HOME] = {home}
env[TMPDIR] = {scratch}
; The boundary is the Unix user; this only keeps honest scripts at home.
php_admin_value[open_basedir] = {home}/:/tmp/:/var/tmp/:/usr/share/php/:/dev/urandom
php_admin_value[sys_temp_dir] = {scratch}
php_admin_value[upload_tmp_dir] = {scratch}
php_admin_value[upload_max_filesize] = 64M
php_admin_value[post_max_size] = 64M
; Errors reach the web server with the answer, and from there the log of the site.
php_admin_flag[log_errors] = on
php_admin_value[sendmail_path] = /usr/bin/false
php_value[session.save_path] = {scratch}
; Debian cleans only its own session directory.
php_value[session.gc_probability] = 1
php_value[session.gc_divisor] = 1000
"
    )
}

/// Requests that PHP of a web user serves at the same time, at most.
const WEB_USER_CHILDREN: u64 = 2;

/// The pool's configuration for a web user of an account that has PHP.
pub fn render_web_user(spec: &AccountSpec, user: &WebUserSpec) -> String {
    let (login, uid) = (&user.login, user.uid);
    let home = layout::web_user_home(spec.uid, uid);
    let socket = layout::php_socket(uid);
    let children = children(spec).unwrap_or(1).min(WEB_USER_CHILDREN);
    format!(
        "\
; PHP of the web user {login}. Berth's resource `web_users` owns this file: edits are undone.
[global]
error_log = syslog
syslog.ident = php-fpm-{uid}
log_level = warning
daemonize = no
process_control_timeout = 20s

[{login}]
listen = {socket}
listen.backlog = 511
pm = ondemand
pm.max_children = {children}
pm.process_idle_timeout = 10s
pm.max_requests = 1000
request_terminate_timeout = {REQUEST_SECONDS}s
security.limit_extensions = .php
catch_workers_output = yes
decorate_workers_output = no
clear_env = yes
env[PATH] = /usr/local/bin:/usr/bin:/bin
env[HOME] = {home}
env[TMPDIR] = /tmp
; The boundary is the Unix user; this only keeps honest scripts at home.
php_admin_value[open_basedir] = {home}/:/tmp/:/usr/share/php/:/dev/urandom
php_admin_value[upload_max_filesize] = 64M
php_admin_value[post_max_size] = 64M
php_admin_flag[log_errors] = on
php_admin_value[sendmail_path] = /usr/bin/false
"
    )
}

#[cfg(test)]
mod tests {
    use berth_core::Parse;
    use berth_core::domain::Docroot;
    use berth_core::name::{Fqdn, Username};
    use proptest::prelude::*;

    use super::*;
    use crate::nginx::tests::spec;

    #[test]
    fn the_seeds_own_example() {
        insta::assert_snapshot!(render(&spec("alice", &["alicesite.com"]), 5));
    }

    #[test]
    fn limits() {
        let mut spec = spec("alice", &["alicesite.com"]);
        for (bound, expected) in
            [(Bound::Max(0), None), (Bound::Max(7), Some(7)), (Bound::Unlimited, Some(CHILDREN_UNLIMITED))]
        {
            spec.bounds.php_children = bound;
            assert_eq!(children(&spec), expected);
        }
    }

    proptest! {
        #[test]
        fn no_value_escapes(user in "[a-z][a-z0-9_-]{2,31}", host in "\\PC{1,80}", root in "\\PC{0,40}") {
            let (Ok(user), Ok(host)) = (Username::parse(&user), Fqdn::parse(&host)) else { return Ok(()) };
            let mut spec = spec("alice", &["alicesite.com"]);
            spec.sites[0].fqdn = host.clone();
            spec.sites[0].docroot = Docroot::parse(&root).unwrap_or_default();
            spec.username = user.clone();
            let text = render(&spec, 5);
            // The same directives, in the same order, whatever the values are.
            let names = |text: &str| -> Vec<String> {
                text.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
            };
            prop_assert_eq!(names(&text), names(&render(&super::tests::spec("alice", &["alicesite.com"]), 5)));
            let sections: Vec<_> = text.lines().filter(|line| line.starts_with('[')).collect();
            prop_assert_eq!(sections, vec!["[global]".to_owned(), format!("[{user}]")]);
            let tmp = format!("env[TMPDIR] = /home/{user}/domains/{host}/tmp");
            prop_assert!(text.lines().any(|line| line == tmp));
        }
    }
}
