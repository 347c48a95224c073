//! Setting up into a directory: the same panel, API and database for a machine that is not a host. Nothing is
//! started, and nothing outside the directory is touched.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use berth_server::clock::SystemClock;
use berth_server::config::{self, Config};

use super::host::{admin_email, ensure_keyring};
use super::{Answer, Wish, certificate, database, hostname};
use crate::failure::Failure;
use crate::files;

/// Longest path of a socket (unix(7)), with its terminating zero.
const SOCKET_PATH_MAX: usize = 108;

/// Sets up below a directory.
pub(crate) async fn render(dir: &Path, wish: &Wish) -> Result<Answer, Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Failure::local(format!("cannot make {}", path.display()), error)
    };
    std::fs::create_dir_all(dir).map_err(failed(dir))?;
    let dir = dir.canonicalize().map_err(failed(dir))?;
    for (part, mode) in [("etc", 0o700), ("data", 0o700), ("run", 0o755), ("tree", 0o755)] {
        let part = dir.join(part);
        files::directory(&part, mode, None).map_err(failed(&part))?;
    }
    let name = match &wish.hostname {
        Some(_) => hostname(wish)?,
        None => "localhost".to_owned(),
    };
    let file = dir.join("berth.toml");
    if !file.exists() {
        let text = configuration(&dir, &name, free_port()?)?;
        files::replace(&file, text.as_bytes(), 0o600).map_err(failed(&file))?;
    }
    let config = Config::load(&file).map_err(|error| Failure::usage(error.to_string(), "mend the file"))?;
    ensure_keyring(&config.keyring, None)?;
    certificate::ensure(
        &config.tls.certificate,
        &config.tls.key,
        None,
        &name,
        &std::collections::BTreeSet::new(),
        &SystemClock,
    )?;
    let prepared = database::prepare(&file, &admin_email(wish, &name)).await?;
    let url =
        config.panel.url.clone().unwrap_or_else(|| format!("https://{name}:{}", config.listen.panel.port()));
    Ok(Answer {
        panel_url: format!("{}/", url.trim_end_matches('/')),
        admin_login: prepared.admin_login,
        admin_password: prepared.admin_password,
        api_key: prepared.api_key,
    })
}

fn configuration(dir: &Path, name: &str, port: u16) -> Result<String, Failure> {
    let operator = dir.join("run/operator.sock");
    if operator.as_os_str().len() >= SOCKET_PATH_MAX {
        return Err(Failure::usage(
            format!("{} is too long for the path of a socket", operator.display()),
            "choose a directory with a shorter path",
        ));
    }
    let config = Config {
        database: config::Database { url: sqlite_url(&dir.join("data/berth.db")) },
        listen: config::Listen {
            panel: (Ipv4Addr::LOCALHOST, port).into(),
            operator,
            agent: dir.join("run/agent.sock"),
            ..config::Listen::default()
        },
        keyring: dir.join("etc/keyring"),
        tls: config::Tls { certificate: dir.join("data/panel.crt"), key: dir.join("data/panel.key") },
        panel: config::Panel { url: Some(format!("https://{name}:{port}")) },
        node: config::Node { name: Some("localhost".to_owned()) },
        ..Config::default()
    };
    toml::to_string(&config).map_err(|error| Failure::local("cannot write the configuration", error))
}

/// The address of a database file: what means something in an address is escaped.
fn sqlite_url(path: &Path) -> String {
    let mut url = "sqlite://".to_owned();
    for c in path.to_string_lossy().chars() {
        match c {
            '%' => url.push_str("%25"),
            '?' => url.push_str("%3F"),
            '#' => url.push_str("%23"),
            ' ' => url.push_str("%20"),
            other => url.push(other),
        }
    }
    url
}

/// A port that nobody uses at the moment.
fn free_port() -> Result<u16, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Failure::local("cannot find a free port", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_run_changes_nothing_and_shows_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let wish = Wish {
            admin_email: Some("admin@example.com".to_owned()),
            hostname: Some("localhost".to_owned()),
        };
        let first = render(dir.path(), &wish).await.unwrap();
        assert_eq!(first.admin_login, "admin");
        assert!(first.admin_password.as_ref().is_some_and(|password| password.len() >= 20));
        assert!(first.api_key.as_ref().is_some_and(|key| key.starts_with("berth_")));
        assert!(first.panel_url.starts_with("https://localhost:") && first.panel_url.ends_with('/'));
        let kept = ["berth.toml", "etc/keyring", "data/panel.crt", "data/panel.key"];
        let before: Vec<_> = kept.iter().map(|name| std::fs::read(dir.path().join(name)).unwrap()).collect();
        let second = render(dir.path(), &wish).await.unwrap();
        assert_eq!(second, Answer { admin_password: None, api_key: None, ..first });
        let after: Vec<_> = kept.iter().map(|name| std::fs::read(dir.path().join(name)).unwrap()).collect();
        assert_eq!(before, after);
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_before_anything_is_written() {
        let dir = format!("/{}", "x".repeat(120));
        assert_eq!(configuration(Path::new(&dir), "localhost", 1).unwrap_err().exit as u8, 2);
        assert_eq!(sqlite_url(Path::new("/a b/c?d")), "sqlite:///a%20b/c%3Fd");
    }
}
