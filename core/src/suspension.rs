//! Suspensions: a stack of reasons why what belongs to a user is closed. Each reason is there once; taking one
//! away leaves the others, and what is closed is decided by the highest level that is left.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::{shown, text_newtype};
use crate::user::one_line;
use crate::{Code, Parse, Problem};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$item:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$item])* $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in input, output and database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Parse for $name {
            fn parse(text: &str) -> Result<Self, Problem> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|one| one.as_str()).collect();
                    Problem::new(Code::ValueInvalid, format!("`{}` is not {}", shown(text), $what))
                        .hint(format!("use one of {}", known.join(", ")))
                })
            }
        }
    };
}

words! {
    /// Why somebody is suspended.
    SuspensionReason, "a reason of a suspension" {
        /// Something is not paid.
        Billing => "billing",
        /// Something is done that must not be.
        Abuse => "abuse",
        /// Whoever runs the installation wants it so.
        Operator => "operator",
        /// The owner wants it so. It closes what the account offers, and leaves its owner the way in, by which
        /// alone they can open it again.
        Owner => "owner",
    }
}

words! {
    /// How much a suspension closes.
    SuspensionLevel, "a level of a suspension" {
        /// Nobody signs in: no panel, no API. Sites, mail and data go on.
        Login => "login",
        /// Every other surface is closed as well.
        Full => "full",
    }
}

words! {
    /// With whose authority somebody is suspended, from the least to the greatest.
    Authority, "an authority" {
        /// The user's own.
        Owner => "owner",
        /// Of the reseller who owns the user.
        Reseller => "reseller",
        /// Of whoever runs the installation.
        Operator => "operator",
    }
}

impl Authority {
    /// Whether it is enough to suspend somebody for this reason.
    pub const fn may_suspend(self, reason: SuspensionReason) -> bool {
        match self {
            Self::Owner => matches!(reason, SuspensionReason::Owner),
            Self::Reseller | Self::Operator => true,
        }
    }

    /// Whether it is enough to lift a suspension. A reseller lifts everything of their users but what an
    /// administrator has closed for abuse.
    pub fn may_lift(self, suspension: &Suspension) -> bool {
        match (self, suspension.reason) {
            (Self::Operator, _)
            | (_, SuspensionReason::Owner)
            | (Self::Reseller, SuspensionReason::Billing | SuspensionReason::Operator) => true,
            (Self::Reseller, SuspensionReason::Abuse) => suspension.by <= self,
            (Self::Owner, _) => false,
        }
    }
}

/// What a suspended user is told beside the reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "An invoice is overdue; please call us")]
pub struct SuspensionMessage(String);
text_newtype!(SuspensionMessage);

impl Parse for SuspensionMessage {
    fn parse(text: &str) -> Result<Self, Problem> {
        one_line(text, 500, "a message").map(Self)
    }
}

/// A moment at which a suspension ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "2030-01-31T12:00:00Z")]
pub struct Until(pub DateTime<Utc>);

impl Parse for Until {
    fn parse(text: &str) -> Result<Self, Problem> {
        let moment = DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc());
        let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        moment.or_else(|| Some(day()?.and_time(NaiveTime::MIN).and_utc())).map(Self).ok_or_else(|| {
            Problem::new(Code::ValueInvalid, format!("`{}` is not a moment", shown(text)))
                .hint("write it as 2030-01-31 or 2030-01-31T12:00:00Z")
        })
    }
}

/// One suspension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suspension {
    /// Why.
    pub reason: SuspensionReason,
    /// How much it closes.
    pub level: SuspensionLevel,
    /// With whose authority.
    pub by: Authority,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What the user is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<SuspensionMessage>,
}

impl Suspension {
    /// Whether it keeps its user from signing in.
    pub fn closes_sign_in(&self) -> bool {
        self.reason != SuspensionReason::Owner
    }
}

/// The suspensions of a user, one for each reason at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suspensions(BTreeMap<SuspensionReason, Suspension>);

impl Suspensions {
    /// Adds a suspension, and gives the one with the same reason that it takes the place of.
    pub fn place(&mut self, suspension: Suspension) -> Option<Suspension> {
        self.0.insert(suspension.reason, suspension)
    }

    /// Takes a reason away.
    pub fn lift(&mut self, reason: SuspensionReason) -> Option<Suspension> {
        self.0.remove(&reason)
    }

    /// The suspension for a reason.
    pub fn of(&self, reason: SuspensionReason) -> Option<&Suspension> {
        self.0.get(&reason)
    }

    /// Every one, by reason.
    pub fn iter(&self) -> impl Iterator<Item = &Suspension> {
        self.0.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What counts: the highest level of all.
    pub fn level(&self) -> Option<SuspensionLevel> {
        self.iter().map(|suspension| suspension.level).max()
    }

    /// The suspension that keeps the user from signing in: the highest of those that do.
    pub fn closing_sign_in(&self) -> Option<&Suspension> {
        self.iter().filter(|suspension| suspension.closes_sign_in()).max_by_key(|suspension| suspension.level)
    }

    /// The reasons whose time is over.
    pub fn ended(&self, now: DateTime<Utc>) -> Vec<SuspensionReason> {
        let over = |suspension: &&Suspension| suspension.until.is_some_and(|until| until <= now);
        self.iter().filter(over).map(|suspension| suspension.reason).collect()
    }

    /// What somebody who names no reason lifts: all that they may, but for what the owner has closed, unless
    /// they are the owner.
    pub fn liftable(&self, authority: Authority) -> Vec<SuspensionReason> {
        self.iter()
            .filter(|suspension| authority.may_lift(suspension))
            .map(|suspension| suspension.reason)
            .filter(|reason| *reason != SuspensionReason::Owner || authority == Authority::Owner)
            .collect()
    }
}

impl FromIterator<Suspension> for Suspensions {
    fn from_iter<I: IntoIterator<Item = Suspension>>(suspensions: I) -> Self {
        Self(suspensions.into_iter().map(|suspension| (suspension.reason, suspension)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn suspension(reason: SuspensionReason, level: SuspensionLevel, by: Authority) -> Suspension {
        Suspension { reason, level, by, since: at(0), until: None, message: None }
    }

    fn any_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
        proptest::sample::select(all)
    }

    fn any_suspension() -> impl Strategy<Value = Suspension> {
        let until = proptest::option::of(0_i64..20).prop_map(|until| until.map(at));
        (any_of(SuspensionReason::ALL), any_of(SuspensionLevel::ALL), any_of(Authority::ALL), until)
            .prop_map(|(reason, level, by, until)| Suspension { until, ..suspension(reason, level, by) })
    }

    #[derive(Debug, Clone)]
    enum Step {
        Place(Suspension),
        Lift(SuspensionReason),
        Pass(i64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any_suspension().prop_map(Step::Place),
            any_of(SuspensionReason::ALL).prop_map(Step::Lift),
            (0_i64..25).prop_map(Step::Pass),
        ]
    }

    proptest! {
        /// The model is a plain list of what is there, looked through from the beginning each time.
        #[test]
        fn the_stack_is_the_last_of_each_reason(steps in proptest::collection::vec(any_step(), 0..40)) {
            let mut stack = Suspensions::default();
            let mut model: Vec<Suspension> = Vec::new();
            for step in steps {
                match step {
                    Step::Place(suspension) => {
                        let before = model.iter().position(|known| known.reason == suspension.reason);
                        let former = before.map(|place| model.remove(place));
                        model.push(suspension.clone());
                        prop_assert_eq!(stack.place(suspension), former);
                    }
                    Step::Lift(reason) => {
                        let before = model.iter().position(|known| known.reason == reason);
                        let former = before.map(|place| model.remove(place));
                        prop_assert_eq!(stack.lift(reason), former);
                    }
                    Step::Pass(now) => {
                        for reason in stack.ended(at(now)) {
                            stack.lift(reason);
                        }
                        model.retain(|known| known.until.is_none_or(|until| until > at(now)));
                    }
                }
                let full = model.iter().any(|known| known.level == SuspensionLevel::Full);
                let expected = match (full, model.is_empty()) {
                    (true, _) => Some(SuspensionLevel::Full),
                    (false, false) => Some(SuspensionLevel::Login),
                    (false, true) => None,
                };
                prop_assert_eq!(stack.level(), expected);
                prop_assert_eq!(stack.iter().count(), model.len());
                let closed = model.iter().any(|known| known.reason != SuspensionReason::Owner);
                prop_assert_eq!(stack.closing_sign_in().is_some(), closed);
            }
        }

        #[test]
        fn nobody_lifts_more_by_naming_nothing(
            all in proptest::collection::vec(any_suspension(), 0..4),
            authority in any_of(Authority::ALL),
        ) {
            let stack: Suspensions = all.into_iter().collect();
            for reason in stack.liftable(authority) {
                prop_assert!(authority.may_lift(stack.of(reason).unwrap()));
            }
        }
    }

    #[test]
    fn who_lifts_what() {
        use Authority as A;
        use SuspensionReason as R;
        let full = SuspensionLevel::Full;
        for (reason, by, owner, reseller) in [
            (R::Owner, A::Owner, true, true),
            (R::Billing, A::Operator, false, true),
            (R::Operator, A::Operator, false, true),
            (R::Abuse, A::Reseller, false, true),
            (R::Abuse, A::Operator, false, false),
        ] {
            let one = suspension(reason, full, by);
            assert_eq!(A::Owner.may_lift(&one), owner, "{one:?}");
            assert_eq!(A::Reseller.may_lift(&one), reseller, "{one:?}");
            assert!(A::Operator.may_lift(&one), "{one:?}");
        }
        assert!(A::Owner.may_suspend(R::Owner) && !A::Owner.may_suspend(R::Operator));
        let closed_by_owner: Suspensions = [suspension(R::Owner, full, A::Owner)].into_iter().collect();
        assert_eq!(closed_by_owner.liftable(A::Operator), [], "it stays off until somebody names it");
        assert_eq!(closed_by_owner.liftable(A::Owner), [R::Owner]);
    }

    #[test]
    fn an_end_is_a_day_or_a_moment() {
        let moment = Until::parse("2030-01-31T12:00:00+02:00").unwrap().0;
        assert_eq!(moment.to_rfc3339(), "2030-01-31T10:00:00+00:00");
        assert_eq!(Until::parse("2030-01-31").unwrap().0.to_rfc3339(), "2030-01-31T00:00:00+00:00");
        for bad in ["", "tomorrow", "2030-02-31", "31.01.2030", "2030-01-31T12:00"] {
            assert_eq!(Until::parse(bad).unwrap_err().code, Code::ValueInvalid, "{bad}");
        }
        assert!(SuspensionMessage::parse("two\nlines").is_err());
    }
}
