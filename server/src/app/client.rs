use std::net::IpAddr;

/// Longest description of a browser that is kept, in characters.
const AGENT_MAX: usize = 200;

/// From where somebody comes, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    address: String,
    network: String,
    agent: String,
}

impl Client {
    /// A client at an address of the network. `agent` is what its `User-Agent` header says.
    pub fn new(address: IpAddr, agent: Option<&str>) -> Self {
        let address = address.to_canonical();
        // A single customer gets a whole /64.
        let network = match address {
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
            v4 @ IpAddr::V4(_) => v4,
        };
        let agent = agent.unwrap_or_default().chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
        Self { address: address.to_string(), network: network.to_string(), agent }
    }

    /// The address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What attempts are counted for.
    pub(super) fn network(&self) -> &str {
        &self.network
    }

    /// What the browser says about itself, cut and without control characters.
    pub fn agent(&self) -> &str {
        &self.agent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_customer_count_as_one_and_agents_are_cut() {
        let client = |address: &str, agent: &str| Client::new(address.parse().unwrap(), Some(agent));
        assert_eq!(client("2001:db8::1", "").network(), client("2001:db8::ff:2", "").network());
        assert_eq!(client("::ffff:192.0.2.1", "").address(), "192.0.2.1");
        assert_eq!(client("192.0.2.1", "a\r\nb\u{1b}[2J").agent(), "ab[2J");
        assert_eq!(client("192.0.2.1", &"ü".repeat(1000)).agent().chars().count(), AGENT_MAX);
    }
}
