use berth_core::id::NodeId;
use berth_core::inquiry::{Found, Question};
use berth_core::log::{LineCount, LogFilter, LogKind};
use berth_core::name::{Fqdn, Username};
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::LogView;
use berth_core::{Fields, Problems};

use super::ask_node::{ask, unexpected};
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Which lines of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadLog {
    /// How many at most, from the end.
    pub lines: LineCount,
    /// Only those that contain this, in whatever case.
    pub filter: Option<LogFilter>,
}

impl ReadLog {
    /// Reads `lines` and `filter` (as text, since they come from a query).
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let lines = fields.optional::<LineCount>("lines").unwrap_or_default();
        let filter = fields.optional::<LogFilter>("filter");
        fields.finish().into_result().map(|()| Self { lines, filter })
    }
}

/// The end of a log of a site, as its node has it now.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_not_found`, `node_silent`.
pub async fn read_log(
    ctx: &Ctx,
    user: &UserRef,
    fqdn: &Fqdn,
    kind: LogKind,
    command: ReadLog,
) -> Result<LogView, Problems> {
    let subject = Subject::authorized(ctx, Action::LogRead, user).await?;
    let (username, node) = retrying!(&ctx.app, place(ctx, &subject, fqdn))?;
    let ReadLog { lines, filter } = command;
    let question = Question::Log { username, fqdn: fqdn.clone(), kind, lines, filter };
    let Found::Log { lines, more } = ask(ctx, node, question).await? else {
        return Err(unexpected().into());
    };
    Ok(LogView { domain: fqdn.clone(), kind, lines, more })
}

async fn place(ctx: &Ctx, subject: &Subject, fqdn: &Fqdn) -> Result<(Username, NodeId), Failure> {
    let mut tx = ctx.app.store.read().await?;
    let account = &subject.account()?.account;
    known::domain(&mut tx, account, fqdn).await?;
    Ok((account.username.clone(), account.node))
}
