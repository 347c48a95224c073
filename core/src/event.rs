//! Events: what has happened, for those who want to follow along.
//!
//! Every verb that changes something leaves one, and so does every change of a condition on a node.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::text_newtype;
use crate::policy::Action;
use crate::{Code, Parse, Problem};

/// The event of a condition that has changed.
pub const CONDITION_CHANGED: &str = "condition.changed";

/// Which events somebody wants: one kind, such as `user.create`, all of a family, such as `user.*`, or `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "user.*")]
pub struct EventPattern(String);
text_newtype!(EventPattern);

impl EventPattern {
    /// Whether an event of this kind is one of them.
    pub fn matches(&self, kind: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(family) => kind.starts_with(family),
            None => kind == self.0,
        }
    }

    /// Every kind of event that can happen.
    fn kinds() -> impl Iterator<Item = &'static str> {
        Action::ALL.iter().map(|action| action.as_str()).chain([CONDITION_CHANGED])
    }
}

impl Parse for EventPattern {
    fn parse(text: &str) -> Result<Self, Problem> {
        let pattern = Self(text.to_owned());
        let whole = text == "*" || text.strip_suffix('*').is_none_or(|family| family.ends_with('.'));
        if whole && Self::kinds().any(|kind| pattern.matches(kind)) {
            Ok(pattern)
        } else {
            Err(Problem::new(
                Code::ValueInvalid,
                format!("`{}` stands for no event", crate::name::shown(text)),
            )
            .hint("use a kind such as user.create or condition.changed, a family such as user.*, or *"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_kinds_families_or_everything() {
        for (pattern, kind, matches) in [
            ("*", "user.create", true),
            ("user.*", "user.create", true),
            ("user.*", "domain.add", false),
            ("user.create", "user.create", true),
            ("user.create", "user.create_again", false),
            ("condition.changed", "condition.changed", true),
        ] {
            assert_eq!(EventPattern::parse(pattern).unwrap().matches(kind), matches, "{pattern} {kind}");
        }
        for bad in ["", "user", "us*", "nonsense.*", "user.create*", "**", ".*", "user.*.*", "*\n"] {
            assert!(EventPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
