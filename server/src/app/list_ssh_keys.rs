use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::SshKeyView;
use berth_store::ssh_keys;

use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::ssh_key_view;

/// The keys that open file transfer of a user's account, oldest first; none without an account.
///
/// # Errors
/// `user_not_found`.
pub async fn list_ssh_keys(ctx: &Ctx, user: &UserRef) -> Result<Vec<SshKeyView>, Problems> {
    let subject = Subject::authorized(ctx, Action::SshKeyRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject))
}

async fn attempt(ctx: &Ctx, subject: &Subject) -> Result<Vec<SshKeyView>, Failure> {
    let Some(overview) = &subject.account else { return Ok(Vec::new()) };
    let mut tx = ctx.app.store.read().await?;
    let found = ssh_keys::of_account(&mut tx, overview.account.id).await?;
    Ok(found.iter().map(ssh_key_view).collect())
}
