use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use super::NetworkError;

/// How long one name server may take for one try.
const PATIENCE: Duration = Duration::from_secs(3);

/// A resolver without a memory: whoever has just changed a record is not answered with the old one because of us.
fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        Some(server) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            let server = NameServerConfig::new(server.ip(), true, connections.into());
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
        None => TokioResolver::builder_tokio()?,
    };
    let options = builder.options_mut();
    options.timeout = PATIENCE;
    options.attempts = 1;
    // What the machine's own file says is no proof of anything.
    options.use_hosts_file = ResolveHosts::Never;
    builder.build()
}

fn failed(name: &str, error: &NetError) -> NetworkError {
    NetworkError::Dns { name: name.to_owned(), why: error.to_string() }
}

/// The texts of the TXT records of a name.
pub(super) async fn texts(server: Option<SocketAddr>, name: &str) -> Result<Vec<String>, NetworkError> {
    let resolver = resolver(server).map_err(|error| failed(name, &error))?;
    // With the dot at its end no search domain is tried.
    match resolver.lookup(format!("{name}."), RecordType::TXT).await {
        Ok(found) => Ok(found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
                _ => None,
            })
            .collect()),
        Err(error) if error.is_nx_domain() || error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(failed(name, &error)),
    }
}

/// The addresses of a name, version 6 first, as a certification authority would try them.
pub(super) async fn addresses(server: Option<SocketAddr>, name: &str) -> Result<Vec<IpAddr>, NetworkError> {
    let resolver = resolver(server).map_err(|error| failed(name, &error))?;
    match resolver.lookup_ip(format!("{name}.")).await {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = found.iter().collect();
            addresses.sort_by_key(IpAddr::is_ipv4);
            Ok(addresses)
        }
        Err(error) if error.is_nx_domain() || error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(failed(name, &error)),
    }
}
