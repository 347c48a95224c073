//! Webhooks: addresses that are sent events, and when a failed delivery is tried again.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use url::{Host, Url};
use utoipa::ToSchema;

use crate::name::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// Where events are sent: an absolute http or https address, without a user name, password or fragment.
/// Whether it may be http, or lead to a private network, is the operator's setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "https://billing.example.com/berth")]
pub struct WebhookUrl(String);
text_newtype!(WebhookUrl);

/// Longest address.
const MOST_BYTES: usize = 2000;

impl WebhookUrl {
    /// Whether it is sent over TLS.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The address that stands in it instead of a name, if one does.
    pub fn literal_address(&self) -> Option<IpAddr> {
        match Url::parse(&self.0).ok()?.host()? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        }
    }

    /// The address without what comes behind the host: its path may hold what only the receiver should know.
    pub fn origin(&self) -> String {
        Url::parse(&self.0).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }
}

impl Parse for WebhookUrl {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |why: &str| Problem::new(Code::WebhookUrlInvalid, format!("`{}` {why}", shown(text)));
        if text.len() > MOST_BYTES || text.chars().any(char::is_control) || text.trim() != text {
            return Err(invalid("is not an address"));
        }
        let url = Url::parse(text).map_err(|_| invalid("is not an absolute address"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(invalid("is neither https nor http"));
        }
        if url.host().is_none() {
            return Err(invalid("names no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("holds a user name or password")
                .hint("leave it out: receivers know Berth by the signature"));
        }
        if url.fragment().is_some() {
            return Err(invalid("has a fragment, which is never sent"));
        }
        Ok(Self(url.into()))
    }
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is tried until the receiver takes it or three days have passed.
    Waiting,
    /// The receiver has taken it.
    Delivered,
    /// It is tried no more; it can be replayed.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Waiting, Self::Delivered, Self::Dead];

    /// The word in input, output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

impl Parse for DeliveryState {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| {
            Problem::new(Code::ValueInvalid, format!("`{}` is not a state of a delivery", shown(text)))
                .hint("use waiting, delivered or dead")
        })
    }
}

/// For how long a delivery is tried.
pub const TRIED_FOR: TimeDelta = TimeDelta::days(3);

/// Seconds until the next attempt, by the number of attempts so far.
const PAUSES: &[i64] = &[10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600];

/// When a delivery that has just failed is tried again; never once it has been tried for three days.
/// `spread` from 0 to 255 keeps many deliveries from coming back at the same moment.
pub fn next_attempt(
    since: DateTime<Utc>,
    attempts: u64,
    spread: u8,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if now - since >= TRIED_FOR {
        return None;
    }
    let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let pause = PAUSES.get(place).or_else(|| PAUSES.last()).copied().unwrap_or(21_600);
    Some(now + TimeDelta::milliseconds(pause * 1_000 + pause * i64::from(spread)))
}

/// For how long a webhook rests after so many failures in a row, so that a receiver that is down does not keep
/// the others waiting.
pub fn rest_after(failures: u64) -> TimeDelta {
    let doubled = 1_i64 << failures.min(7);
    TimeDelta::seconds((doubled * 5).min(600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, stored) in [
            ("https://a.example/x?y=1", "https://a.example/x?y=1"),
            ("HTTPS://A.Example", "https://a.example/"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/"),
            // Every way to write an address is the same address.
            ("http://2130706433/", "http://127.0.0.1/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("https://[::ffff:10.0.0.1]/", "https://[::ffff:a00:1]/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ] {
            assert_eq!(WebhookUrl::parse(text).unwrap().as_str(), stored, "{text}");
        }
        for bad in [
            "",
            "a.example",
            "/x",
            "ftp://a.example/",
            "file:///etc/passwd",
            "gopher://a/",
            "javascript:alert(1)",
            "https://",
            "https://u:p@a.example/",
            "https://u@a.example/",
            "https://a.example/#x",
            " https://a.example/",
            "https://a.example/\n",
            "https://a b.example/",
            &format!("https://a.example/{}", "x".repeat(2000)),
        ] {
            assert_eq!(WebhookUrl::parse(bad).unwrap_err().code, Code::WebhookUrlInvalid, "{bad}");
        }
        assert_eq!(
            WebhookUrl::parse("https://a.example:8443/secret").unwrap().origin(),
            "https://a.example:8443"
        );
        assert_eq!(
            WebhookUrl::parse("http://2130706433/").unwrap().literal_address(),
            Some("127.0.0.1".parse().unwrap())
        );
    }

    #[test]
    fn a_delivery_is_tried_for_three_days_and_ever_more_seldom() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for spread in [0, 255] {
            let (mut now, mut attempts, mut pause) = (start, 0, TimeDelta::zero());
            loop {
                attempts += 1;
                let Some(next) = next_attempt(start, attempts, spread, now) else { break };
                assert!(next - now >= pause);
                pause = next - now;
                now = next;
            }
            assert!(now - start >= TRIED_FOR && now - start < TimeDelta::days(4), "{}", now - start);
            assert!((14..=25).contains(&attempts), "{attempts}");
        }
    }

    #[test]
    fn a_receiver_that_is_down_is_left_alone_for_ten_minutes_at_most() {
        assert_eq!(rest_after(1), TimeDelta::seconds(10));
        assert_eq!(rest_after(u64::MAX), TimeDelta::minutes(10));
    }
}
