use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Url;

use super::Session;
use crate::failure::Failure;
use crate::output::Console;

/// How to reach the server. Root on the server's own host needs none of this.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConnectionArgs {
    /// Address of the panel, such as `https://panel.example.com:8443`; the socket on this host if absent
    #[arg(long, global = true, env = "BERTH_URL", value_name = "URL", help_heading = "Connection")]
    url: Option<String>,

    /// File that holds the API key; `BERTH_API_KEY` if absent
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection")]
    api_key_file: Option<PathBuf>,

    /// Certificate of the panel or of who signed it, in PEM, if the system does not know it
    #[arg(long, global = true, env = "BERTH_CA_FILE", value_name = "FILE", help_heading = "Connection")]
    ca_file: Option<PathBuf>,
}

impl ConnectionArgs {
    /// Prepares the connection. Nothing is sent yet.
    pub(crate) fn open(&self, operator_socket: &Path, console: Console) -> Result<Session, Failure> {
        match &self.url {
            None => local(operator_socket, console),
            Some(url) => self.remote(url, console),
        }
    }

    fn remote(&self, text: &str, console: Console) -> Result<Session, Failure> {
        let base = Url::parse(text)
            .map_err(|error| Failure::usage(format!("--url: `{text}` is no address: {error}"), ADDRESS))?;
        if base.scheme() != "https" || base.host_str().is_none() {
            return Err(Failure::usage(format!("--url: `{text}` does not start with https://"), ADDRESS));
        }
        let bearer = self.api_key()?;
        let mut builder =
            reqwest::Client::builder().https_only(true).redirect(reqwest::redirect::Policy::none());
        if let Some(file) = &self.ca_file {
            let pem = read(file)?;
            let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| {
                Failure::usage(format!("--ca-file: {}: {error}", file.display()), "give certificates in PEM")
            })?;
            builder = builder.tls_certs_only(certificates);
        }
        let http = build(builder)?;
        Ok(Session { console, http, place: format!("the panel at {base}"), base, bearer: Some(bearer) })
    }

    fn api_key(&self) -> Result<String, Failure> {
        let key = match &self.api_key_file {
            Some(file) => read(file)?,
            None => std::env::var("BERTH_API_KEY").map_err(|_| {
                Failure::usage(
                    "--url needs an API key",
                    "set BERTH_API_KEY or name a file with --api-key-file",
                )
            })?,
        };
        let key = key.trim();
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Failure::usage(
                "the API key is not one line of printable characters",
                "copy it again",
            ));
        }
        Ok(key.to_owned())
    }
}

const ADDRESS: &str = "write it as https://panel.example.com:8443";

/// The socket on this host, which knows by the peer's credentials who asks.
pub(super) fn local(socket: &Path, console: Console) -> Result<Session, Failure> {
    let http = build(reqwest::Client::builder().unix_socket(socket))?;
    let base = Url::parse("http://berth/")
        .map_err(|error| Failure::local("the address of the operator socket", error))?;
    let place = format!("the server's socket {}", socket.display());
    Ok(Session { console, http, base, bearer: None, place })
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    // Whoever installed a provider first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder
        .user_agent(concat!("berth/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Failure::local("cannot prepare the connection", error))
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", file.display()), "name a readable file")
    })
}
