//! The text that a search for users looks through. Refreshed by whatever changes a part of it.

use berth_core::id::{AccountId, UserId};
use uuid::Uuid;

use crate::{Result, Tx};

statements! {
    NAMES => ["SELECT login, email, display_name FROM users WHERE id = $1"];
    DOMAINS => [
        "SELECT d.fqdn FROM memberships m JOIN domains d ON d.account_id = m.account_id \
         WHERE m.user_id = $1 AND m.role = 'owner' ORDER BY d.fqdn"
    ];
    UPSERT => [
        "INSERT INTO user_search (user_id, text) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET text = excluded.text"
    ];
    OWNERS => ["SELECT user_id FROM memberships WHERE account_id = $1 AND role = 'owner'"];
}

/// Writes what a user can be found by: login, address, name and the domains of their own accounts, a line
/// for each, since no search text spans two lines.
pub(crate) async fn refresh(tx: &mut Tx, user: UserId) -> Result<()> {
    let Some((login, email, name)) = fetch_optional!(tx, (Option<String>, String, String), NAMES, user.0)?
    else {
        return Ok(());
    };
    let domains = fetch_all!(tx, (String,), DOMAINS, user.0)?;
    let text = login
        .into_iter()
        .chain([email, name])
        .chain(domains.into_iter().map(|(fqdn,)| fqdn))
        .collect::<Vec<_>>()
        .join("\n")
        .to_lowercase();
    execute!(tx, UPSERT, user.0, text)?;
    Ok(())
}

/// The same for the owner of an account whose domains have changed.
pub(crate) async fn refresh_owner(tx: &mut Tx, account: AccountId) -> Result<()> {
    for (user,) in fetch_all!(tx, (Uuid,), OWNERS, account.0)? {
        refresh(tx, UserId(user)).await?;
    }
    Ok(())
}
