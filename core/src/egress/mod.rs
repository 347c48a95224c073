//! What an account may reach on the network beside what its package allows.

mod boxes;
mod network;
mod note;
mod ports;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use boxes::{Reach, disjoint};
pub use network::Network;
pub use note::Note;
pub use ports::PortRange;

use crate::{Code, Parse, Problem};

/// Most rules that one account can have.
pub const RULES_MAX: usize = 32;

/// One thing that an account may reach whatever its package says: the ports of a network.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct EgressRule {
    /// Where to.
    pub network: Network,
    /// Which ports.
    pub port: PortRange,
    /// By which protocol.
    pub protocol: Protocol,
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} to {}", self.port, self.protocol, self.network)
    }
}

/// A protocol that has ports.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Connections.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: &'static [Self] = &[Self::Tcp, Self::Udp];

    /// The word in input, output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The number on the wire (IANA, "Assigned Internet Protocol Numbers").
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Parse for Protocol {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|protocol| protocol.as_str() == text).ok_or_else(|| {
            Problem::new(Code::ValueInvalid, format!("`{}` is not a protocol", crate::name::shown(text)))
                .hint("use tcp or udp")
        })
    }
}

/// What was refused lately, as a node counted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blocked {
    /// Where to.
    #[schema(value_type = String, example = "192.0.2.7")]
    pub to: IpAddr,
    /// Which port.
    #[schema(example = 25)]
    pub port: u16,
    /// By which protocol.
    pub protocol: Protocol,
    /// How many packets; of a refused connection there is one.
    #[schema(example = 14)]
    pub times: u64,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.times == 1 { "once".to_owned() } else { format!("{} times", self.times) };
        write!(f, "{}/{} to {}, {times}", self.port, self.protocol, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_blocked_reads_as_a_sentence() {
        let to = "192.0.2.7".parse().unwrap();
        let blocked = Blocked { to, port: 25, protocol: Protocol::Tcp, times: 14 };
        assert_eq!(blocked.to_string(), "25/tcp to 192.0.2.7, 14 times");
        assert_eq!(Blocked { times: 1, ..blocked }.to_string(), "25/tcp to 192.0.2.7, once");
    }

    #[test]
    fn protocols() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::parse(protocol.as_str()).unwrap(), *protocol);
        }
        for bad in ["", "TCP", "icmp", "6"] {
            assert_eq!(Protocol::parse(bad).unwrap_err().code, Code::ValueInvalid);
        }
    }
}
