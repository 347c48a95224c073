//! Asking a node something and waiting for its answer. Nothing on the node changes by it.

use std::time::Duration;

use berth_core::id::{InquiryId, NodeId};
use berth_core::inquiry::{Found, Inquiry, Question};
use berth_core::{Code, Problem, Problems};
use berth_store::inquiries;
use tokio::time::Instant;

use super::context::Ctx;
use super::problem::{Failure, retrying};

/// How long a node may take. Its agent waits in a long poll, so it hears of a question at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a node answers.
///
/// # Errors
/// `node_silent`, or the problem that the node had.
pub(super) async fn ask(ctx: &Ctx, node: NodeId, question: Question) -> Result<Found, Problems> {
    let deadline = Instant::now() + PATIENCE;
    let inquiry = Inquiry { id: InquiryId::new(ctx.app.clock.now(), ctx.app.randomness.ten()), question };
    let mut listener = ctx.app.notifier.listen();
    retrying!(&ctx.app, put(ctx, node, &inquiry))?;
    ctx.app.notifier.signal();
    let answer = loop {
        if let Some(answer) = retrying!(&ctx.app, look(ctx, inquiry.id))? {
            break answer;
        }
        if !listener.next(deadline).await {
            break Err(Problem::new(Code::NodeSilent, "the node has not answered in time"));
        }
    };
    retrying!(&ctx.app, forget(ctx, inquiry.id))?;
    answer.map_err(Problems::from)
}

/// The answer is one to another question, which only an agent of another version could give.
pub(super) fn unexpected() -> Problem {
    Problem::new(Code::Internal, "the node has answered another question")
        .hint("server and agent may be of different versions")
}

async fn put(ctx: &Ctx, node: NodeId, inquiry: &Inquiry) -> Result<(), Failure> {
    let mut tx = ctx.app.store.begin().await?;
    inquiries::ask(&mut tx, node, inquiry, ctx.app.clock.now()).await?;
    Ok(tx.commit().await?)
}

async fn look(ctx: &Ctx, id: InquiryId) -> Result<Option<Result<Found, Problem>>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    Ok(inquiries::answered(&mut tx, id).await?)
}

async fn forget(ctx: &Ctx, id: InquiryId) -> Result<(), Failure> {
    let mut tx = ctx.app.store.begin().await?;
    inquiries::remove(&mut tx, id).await?;
    Ok(tx.commit().await?)
}
