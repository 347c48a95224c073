use berth_core::condition::{Condition, Convergence};
use berth_core::standing::UserState;
use berth_core::view::{ConditionsView, UserView};

use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{brief, sheet, table, yes};

pub(super) async fn run(session: &Session, user: &str) -> Result<(), Failure> {
    let answer = session.send(Request::get(&["users", user])).await?;
    let view: UserView = decode(&answer)?;
    // Programs get the user as REST gives it; people also want to see how the account is.
    let conditions = match &view.account {
        Some(_) if !session.console.is_json() => {
            let conditions: ConditionsView =
                session.fetch(Request::get(&["users", user, "conditions"])).await?;
            conditions.conditions
        }
        _ => Vec::new(),
    };
    session.console.answer(&answer, || {
        let shown = user_sheet(&view);
        if conditions.is_empty() { shown } else { format!("{shown}\n\n{}", conditions_table(&conditions)) }
    });
    Ok(())
}

/// A user with their account, one value a line.
pub(super) fn user_sheet(user: &UserView) -> String {
    let account = user.account.as_ref();
    sheet([
        ("id", Some(user.id.to_string())),
        ("username", user.username.as_ref().map(ToString::to_string)),
        ("uid", account.map(|account| account.uid.to_string())),
        ("email", Some(user.email.to_string())),
        ("name", Some(user.display_name.to_string())),
        ("role", Some(user.role.to_string())),
        ("phone", user.phone.as_ref().map(ToString::to_string)),
        ("address", user.address.as_ref().map(ToString::to_string)),
        ("timezone", user.timezone.as_ref().map(ToString::to_string)),
        ("language", Some(user.language.as_str().to_owned())),
        ("home", account.map(|account| account.home.clone())),
        ("package", account.map(|account| account.package.to_string())),
        ("domain", account.map(|account| account.primary_domain.to_string())),
        ("sftp", account.map(|account| yes(account.sftp))),
        ("node", account.map(|account| account.node.clone())),
        ("state", account.map(|account| state_word(account.state).to_owned())),
        ("life", (user.state != UserState::Active).then(|| life_word(user))),
        ("version", Some(user.version.to_string())),
    ])
}

/// What has become of a user.
pub(in crate::cli) fn life_word(user: &UserView) -> String {
    match user.state {
        UserState::Active => "active".to_owned(),
        UserState::Suspended => {
            let reasons = user.suspensions.iter().map(|suspension| {
                let until =
                    suspension.until.map(|until| format!(", until {}", until.format("%Y-%m-%d %H:%M UTC")));
                format!("{} ({}{})", suspension.reason, suspension.level, until.unwrap_or_default())
            });
            format!("suspended: {}", reasons.collect::<Vec<_>>().join(", "))
        }
        UserState::Trashed => match user.purge_at {
            Some(at) => format!("in the trash until {}", at.format("%Y-%m-%d %H:%M UTC")),
            None => "in the trash".to_owned(),
        },
        UserState::Purging => "being purged".to_owned(),
    }
}

/// Desired beside observed.
pub(in crate::cli) fn conditions_table(conditions: &[Condition]) -> String {
    table(
        ["RESOURCE", "STATE", "OBSERVED"],
        conditions.iter().map(|condition| {
            let observed: Vec<String> =
                condition.observed.iter().map(|(name, value)| format!("{name}={}", brief(value))).collect();
            let shown = match condition.state.problem() {
                Some(problem) => problem.to_string(),
                None => observed.join(" "),
            };
            [condition.resource.to_string(), condition.state.as_str().to_owned(), shown]
        }),
    )
}

/// The word for the state of an account.
pub(in crate::cli) fn state_word(state: Convergence) -> &'static str {
    match state {
        Convergence::Provisioning => "provisioning",
        Convergence::Converged => "converged",
        Convergence::Failed => "failed",
    }
}
