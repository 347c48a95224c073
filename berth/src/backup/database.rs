//! The database's part of a backup; runs as the user that the server runs as.

use std::path::{Path, PathBuf};

use berth_core::account::Uid;
use berth_server::config::Config;
use berth_store::{Store, StoreError, accounts};
use tokio::io::BufReader;

use super::taken;
use crate::failure::Failure;

/// Writes the database to standard output as it is at one moment. The server goes on using it.
pub(crate) async fn export(config_file: &Path) -> Result<(), Failure> {
    let config = load(config_file)?;
    export_to(&config, tokio::io::stdout()).await
}

pub(super) async fn export_to(
    config: &Config,
    writer: impl tokio::io::AsyncWrite + Unpin + Send,
) -> Result<(), Failure> {
    // Opening must not create an empty database where there should be one.
    if let Some(file) = sqlite_file(config)
        && !file.exists()
    {
        return Err(Failure::local("there is no database", file.display()));
    }
    let store = Store::open(&config.database.url).await.map_err(|error| failed(&error))?;
    berth_store::backup::export(&store, writer).await.map_err(|error| failed(&error))?;
    store.close().await;
    Ok(())
}

/// Fills an empty database from standard input.
pub(crate) async fn import(config_file: &Path) -> Result<(), Failure> {
    let config = load(config_file)?;
    import_from(&config, BufReader::new(tokio::io::stdin()), taken::on_this_host()).await
}

pub(super) async fn import_from(
    config: &Config,
    reader: impl tokio::io::AsyncBufRead + Unpin + Send,
    taken: Option<Uid>,
) -> Result<(), Failure> {
    let store = Store::open(&config.database.url).await.map_err(|error| failed(&error))?;
    store.migrate().await.map_err(|error| failed(&error))?;
    berth_store::backup::import(&store, reader).await.map_err(|error| failed(&error))?;
    if let Some(taken) = taken {
        pass(&store, taken).await.map_err(|error| failed(&error))?;
    }
    store.close().await;
    Ok(())
}

async fn pass(store: &Store, taken: Uid) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    accounts::pass_uid(&mut tx, taken).await?;
    tx.commit().await
}

/// The file of an embedded database; nothing for a database server.
pub(super) fn sqlite_file(config: &Config) -> Option<PathBuf> {
    let rest = config.database.url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split('?').next().unwrap_or(path);
    Some(PathBuf::from(unescape(path)))
}

/// Text in which every `%` with two hexadecimal digits stands for a byte.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.split_first_chunk::<2>()).flatten();
        let value = escaped.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = value.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn load(config_file: &Path) -> Result<Config, Failure> {
    Config::load(config_file).map_err(|error| Failure::usage(error.to_string(), "mend the file"))
}

fn failed(error: &StoreError) -> Failure {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    Failure::local("the database", detail)
}

#[cfg(test)]
mod tests {
    use berth_server::config::Database;

    use super::*;

    #[test]
    fn the_file_of_an_address() {
        let file = |url: &str| {
            let config = Config { database: Database { url: url.to_owned() }, ..Config::default() };
            sqlite_file(&config).map(|path| path.to_string_lossy().into_owned())
        };
        assert_eq!(file("sqlite:///var/lib/x.db").as_deref(), Some("/var/lib/x.db"));
        assert_eq!(file("sqlite:///a%20b/c%3Fd.db?mode=rwc").as_deref(), Some("/a b/c?d.db"));
        assert_eq!(file("postgres://u@h/d"), None);
    }
}
