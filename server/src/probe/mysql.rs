use std::net::IpAddr;
use std::path::Path;

use berth_core::website::WebsiteDatabase;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, OptsBuilder};

use super::{ProbeError, said};

/// Where `MariaDB` and `MySQL` listen on Debian.
const SOCKET: &str = "/run/mysqld/mysqld.sock";

/// Access denied: for the user (1045), for the database (1044).
const DENIED: [u16; 2] = [1045, 1044];
/// There is no such database.
const UNKNOWN_DATABASE: u16 = 1049;

/// Where to connect to.
pub(super) enum At {
    /// The server on this host, by its socket if it has one.
    ThisHost,
    /// One of these addresses.
    Address(Vec<IpAddr>),
}

/// Signs in to the database and makes sure that its user may do everything there.
pub(super) async fn probe(at: &At, database: &WebsiteDatabase, server: &str) -> Result<(), ProbeError> {
    let mut connection = connect(at, database, server).await?;
    let grants: Vec<String> = connection
        .query("SHOW GRANTS FOR CURRENT_USER()")
        .await
        .map_err(|error| refused(&error, database, server))?;
    let _ = connection.disconnect().await;
    if grants.iter().any(|grant| gives_all(grant, database.name.as_str())) {
        return Ok(());
    }
    Err(ProbeError::NoPrivileges { user: database.user.to_string(), database: database.name.to_string() })
}

async fn connect(at: &At, database: &WebsiteDatabase, server: &str) -> Result<Conn, ProbeError> {
    let options = || {
        OptsBuilder::default()
            .user(Some(database.user.as_str()))
            .pass(Some(database.pass.expose()))
            .db_name(Some(database.name.as_str()))
            .tcp_port(database.host.port())
            // A server could otherwise send us to a socket of its choice on this host.
            .prefer_socket(false)
    };
    let attempts: Vec<OptsBuilder> = match at {
        At::ThisHost if Path::new(SOCKET).exists() => vec![options().socket(Some(SOCKET))],
        At::ThisHost => vec![options().ip_or_hostname("127.0.0.1")],
        At::Address(addresses) => {
            addresses.iter().map(|address| options().ip_or_hostname(address.to_string())).collect()
        }
    };
    let mut last = ProbeError::NoAddress(database.host.host().to_owned());
    for attempt in attempts {
        match Conn::new(attempt).await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = refused(&error, database, server),
        }
    }
    Err(last)
}

/// Whether a line of `SHOW GRANTS` gives everything on a database.
fn gives_all(grant: &str, database: &str) -> bool {
    let Some(rest) = grant.strip_prefix("GRANT ALL PRIVILEGES ON ") else { return false };
    let Some((place, _)) = rest.split_once(" TO ") else { return false };
    let Some(pattern) = place.strip_suffix(".*") else { return false };
    if pattern == "*" {
        return true;
    }
    let name = pattern.trim_matches('`').replace("``", "`");
    // In a grant `_` and `%` stand for others unless they are escaped.
    name.replace("\\_", "_").replace("\\%", "%") == database
}

fn refused(error: &Error, database: &WebsiteDatabase, server: &str) -> ProbeError {
    match error {
        Error::Server(said) if DENIED.contains(&said.code) => ProbeError::Refused {
            server: server.to_owned(),
            user: database.user.to_string(),
            what: "password",
        },
        Error::Server(said) if said.code == UNKNOWN_DATABASE => ProbeError::Failed {
            server: server.to_owned(),
            why: format!("there is no database {}", database.name),
        },
        Error::Io(_) => ProbeError::Unreachable { server: server.to_owned(), why: said(&error.to_string()) },
        other => ProbeError::Failed { server: server.to_owned(), why: said(&other.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_as_the_server_writes_them() {
        for (grant, all) in [
            ("GRANT ALL PRIVILEGES ON `mira_wp1`.* TO `mira_wp1`@`%`", true),
            ("GRANT ALL PRIVILEGES ON `mira\\_wp1`.* TO `mira_wp1`@`%`", true),
            ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", true),
            ("GRANT USAGE ON *.* TO `mira_wp1`@`%` IDENTIFIED BY PASSWORD '*X'", false),
            ("GRANT SELECT ON `mira_wp1`.* TO `mira_wp1`@`%`", false),
            ("GRANT ALL PRIVILEGES ON `other`.* TO `mira_wp1`@`%`", false),
            ("GRANT ALL PRIVILEGES ON `mira_wp1`.`t` TO `mira_wp1`@`%`", false),
        ] {
            assert_eq!(gives_all(grant, "mira_wp1"), all, "{grant}");
        }
    }
}
