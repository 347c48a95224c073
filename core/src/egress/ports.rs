//! Ports and ranges of them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Code, Parse, Problem};

/// One port or a range of ports, from 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "1000-2000")]
pub struct PortRange((u16, u16));

impl PortRange {
    /// The lowest port.
    pub const fn first(self) -> u16 {
        self.0.0
    }

    /// The highest port.
    pub const fn last(self) -> u16 {
        self.0.1
    }
}

impl TryFrom<(u16, u16)> for PortRange {
    type Error = Problem;

    fn try_from((first, last): (u16, u16)) -> Result<Self, Problem> {
        if first == 0 || first > last {
            return Err(invalid(&format!("{first}-{last}")));
        }
        Ok(Self((first, last)))
    }
}

impl Parse for PortRange {
    fn parse(text: &str) -> Result<Self, Problem> {
        let port = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten().ok_or_else(|| invalid(text))
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Self::try_from((port(first)?, port(last)?)).map_err(|_| invalid(text))
    }
}

fn invalid(text: &str) -> Problem {
    Problem::new(
        Code::PortInvalid,
        format!("`{}` is not a port or a range of ports", crate::name::shown(text)),
    )
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.0;
        if first == last { first.fmt(f) } else { write!(f, "{first}-{last}") }
    }
}

impl TryFrom<String> for PortRange {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules() {
        for (text, shown) in [("25", "25"), ("1-65535", "1-65535"), ("80-80", "80"), ("0443", "443")] {
            assert_eq!(PortRange::parse(text).unwrap().to_string(), shown);
        }
        for bad in ["", "0", "0-5", "5-4", "65536", "+1", "1-", "-1", "1-2-3", "1,2", "http", "1 }"] {
            assert_eq!(PortRange::parse(bad).unwrap_err().code, Code::PortInvalid, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_survives(text in "[0-9-]{0,12}") {
            if let Ok(range) = PortRange::parse(&text) {
                prop_assert_eq!(PortRange::parse(&range.to_string()).unwrap(), range);
                prop_assert!(1 <= range.first() && range.first() <= range.last());
            }
        }
    }
}
