//! What a hosting panel does conventionally, beside Berth on the same node and in nobody's way: `useradd -m`,
//! a pool in one shared PHP-FPM, its reload, a server block, `nginx -t`, nginx's reload.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::node::Node;

/// Where the conventional nginx listens.
pub(super) const PORT: u16 = 8080;

/// The steps of one create, in the order in which scripts on the web show them. All that is not the sequence
/// itself is as favourable as it can be: pools on demand, no log of requests.
const ADD: &str = r#"
account() {
  useradd --create-home --shell /usr/sbin/nologin "$1"
  chmod 711 "/home/$1"
  install -d -o "$1" -g "$1" -m 755 "/home/$1/public_html"
  printf '<?php echo "uid=", posix_geteuid();' > "/home/$1/public_html/index.php"
}
pool() {
  cat > "/var/tmp/conventional/pools/$1.conf" <<END
[$1]
user = $1
group = $1
listen = /run/conventional/$1.sock
listen.owner = www-data
listen.group = www-data
pm = ondemand
pm.max_children = 5
END
}
site() {
  cat > "/var/tmp/conventional/sites/$1.conf" <<END
server {
  listen 8080;
  server_name $1.example.org;
  root /home/$1/public_html;
  index index.php;
  location ~ \.php\$ {
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
    fastcgi_pass unix:/run/conventional/$1.sock;
  }
}
END
}
"#;

/// Makes as many accounts as the first argument says and starts both servers.
const PREPARE: &str = r#"
mkdir -p /var/tmp/conventional/pools /var/tmp/conventional/sites /run/conventional
cat > /var/tmp/conventional/fpm.conf <<'END'
[global]
error_log = /var/tmp/conventional/fpm.log
include = /var/tmp/conventional/pools/*.conf
END
cat > /var/tmp/conventional/nginx.conf <<'END'
user www-data;
worker_processes auto;
worker_rlimit_nofile 65536;
pid /run/conventional/nginx.pid;
error_log /var/tmp/conventional/nginx.log;
events { worker_connections 1024; }
http {
  access_log off;
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  server { listen 8080 default_server; return 404; }
  include /var/tmp/conventional/sites/*.conf;
}
END
for number in $(seq 1 "$1"); do
  name="conv$number"
  account "$name"
  pool "$name"
  site "$name"
done
systemd-run --quiet --unit=conventional-fpm --property=Type=notify --property=LimitNOFILE=65536 \
  --property='ExecReload=/bin/kill -USR2 $MAINPID' \
  /usr/sbin/php-fpm8.4 --nodaemonize --fpm-config /var/tmp/conventional/fpm.conf
systemd-run --quiet --unit=conventional-nginx --property=Type=forking \
  --property=PIDFile=/run/conventional/nginx.pid --property=LimitNOFILE=65536 \
  /usr/sbin/nginx -c /var/tmp/conventional/nginx.conf
"#;

/// The sequence that is timed, for the name in the first argument.
const CREATE: &str = r#"
echo start
account "$1"
pool "$1"
systemctl reload conventional-fpm.service
site "$1"
nginx -t -q -c /var/tmp/conventional/nginx.conf
nginx -s reload -c /var/tmp/conventional/nginx.conf
id -u "$1"
"#;

/// Takes everything away again.
const REMOVE: &str = r"
systemctl stop conventional-nginx.service conventional-fpm.service || true
for pool in /var/tmp/conventional/pools/*.conf; do
  name=$(basename $pool .conf)
  userdel $name
  rm -rf /home/$name /var/mail/$name
done
rm -rf /var/tmp/conventional /run/conventional
";

/// The conventional servers with their accounts.
pub(super) struct Conventional<'a> {
    node: &'a Node,
}

/// A conventional create that is done.
pub(super) struct Created {
    /// When its script started.
    pub(super) at: Instant,
    /// The number of the Unix account.
    pub(super) uid: u64,
}

impl<'a> Conventional<'a> {
    /// Makes so many accounts and starts the servers.
    pub(super) fn prepare(node: &'a Node, accounts: usize) -> Result<Self> {
        let count = accounts.to_string();
        script(node, &[ADD, PREPARE], &count)?.output().context("the conventional accounts can't be made")?;
        Ok(Self { node })
    }

    /// Where it is reached.
    pub(super) fn address(&self) -> String {
        self.node.address()
    }

    /// The name of an account that is made while the time runs.
    pub(super) fn sample_name(index: usize) -> String {
        format!("convsample{index}")
    }

    /// The host name of an account's site.
    pub(super) fn host(name: &str) -> String {
        format!("{name}.example.org")
    }

    /// Runs the sequence once.
    pub(super) fn create(&self, name: &str) -> Result<Created> {
        let mut at = None;
        let mut said = Vec::new();
        let code = script(self.node, &[ADD, CREATE], name)?.lines(|line| match at {
            None => at = Some(Instant::now()),
            Some(_) => said.push(line.to_owned()),
        })?;
        let (Some(at), Some(last), 0) = (at, said.last(), code) else {
            bail!("the conventional create of {name} ended with {code}: {}", said.join("\n"));
        };
        let uid = last.parse().with_context(|| format!("{last:?} is no uid"))?;
        Ok(Created { at, uid })
    }

    /// Stops the servers and removes the accounts.
    pub(super) fn remove(self) -> Result<()> {
        script(self.node, &[REMOVE], "")?.output().context("the conventional accounts can't be removed")?;
        Ok(())
    }
}

/// A shell in the node that runs these parts with one argument.
fn script(node: &Node, parts: &[&str], argument: &str) -> Result<crate::process::Program> {
    // The text lies in a file, because a program whose lines are read as they appear has no standard input.
    let path = "/var/tmp/conventional.sh";
    node.write(path, parts.concat().as_bytes())?;
    Ok(node.program(["/bin/sh", "-eu", path, argument]).within(Duration::from_mins(20)))
}
