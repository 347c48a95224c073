use berth_core::mode::Mode;
use berth_core::view::{ChangeKind, PlanView, PlannedChange};

/// What a verb that changes something answers, depending on the mode that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is done.
    Done(T),
    /// This would be done.
    Planned(PlanView),
    /// It could be done; nothing else was asked.
    Checked,
}

impl<T> Outcome<T> {
    /// The answer of a dry run after every check has passed; `None` if it is none, so that the verb goes on.
    pub(super) fn of_dry_run(mode: Mode, plan: impl FnOnce() -> PlanView) -> Option<Self> {
        match mode {
            Mode::Plan => Some(Self::Planned(plan())),
            // No verb here has a remote end to try, so checking all is checking the input and the database.
            Mode::CheckOnly | Mode::CheckAll => Some(Self::Checked),
            Mode::Apply => None,
        }
    }

    /// The value, if it was done.
    pub fn done(self) -> Option<T> {
        if let Self::Done(value) = self { Some(value) } else { None }
    }
}

/// A plan with one step.
pub(super) fn one_change(
    change: ChangeKind,
    what: &str,
    name: impl Into<String>,
    detail: Option<String>,
) -> PlanView {
    PlanView { changes: vec![planned(change, what, name, detail)], limits: None }
}

/// A step of a plan.
pub(super) fn planned(
    change: ChangeKind,
    what: &str,
    name: impl Into<String>,
    detail: Option<String>,
) -> PlannedChange {
    PlannedChange { change, what: what.to_owned(), name: name.into(), detail }
}
