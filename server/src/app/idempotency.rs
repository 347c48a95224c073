use std::fmt::Debug;

use berth_core::id::UserId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::Actor;
use berth_core::{Code, Problem, Problems};
use berth_store::Tx;
use berth_store::idempotency::{self, StoredAnswer};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::context::Ctx;
use super::problem::Failure;

/// For how long a repeated command answers with what it did the first time.
const MEMORY: TimeDelta = TimeDelta::hours(24);

/// Longest idempotency key, in bytes.
const KEY_MAX: usize = 200;

/// A command as far as repeating it is concerned: by whom, under which key, and what it says.
pub(super) struct Request {
    actor: String,
    key: Option<String>,
    fingerprint: String,
    now: DateTime<Utc>,
}

impl Request {
    /// The request of a command that holds no secret. `command` is everything that the command says, what it
    /// acts on included.
    ///
    /// # Errors
    /// `value_invalid` if the idempotency key is none.
    pub(super) fn new(ctx: &Ctx, action: Action, command: &impl Debug) -> Result<Self, Problems> {
        Self::with_secret(ctx, action, command, "")
    }

    /// The request of a command with a secret, which `command` does not show. Only a keyed fingerprint of it
    /// is ever stored.
    ///
    /// # Errors
    /// `value_invalid` if the idempotency key is none.
    pub(super) fn with_secret(
        ctx: &Ctx,
        action: Action,
        command: &impl Debug,
        secret: &str,
    ) -> Result<Self, Problems> {
        if let Some(key) = &ctx.idempotency_key
            && (key.is_empty() || key.len() > KEY_MAX || key.chars().any(char::is_control))
        {
            return Err(Problem::new(Code::ValueInvalid, "the idempotency key is not usable")
                .at("Idempotency-Key")
                .hint(format!("use 1 to {KEY_MAX} bytes without control characters"))
                .into());
        }
        let message = Zeroizing::new(format!("{command:?}\0{secret}"));
        let fingerprint =
            ctx.app.keyring.fingerprint(action.as_str(), message.as_bytes()).map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "the keyring can't be used");
                Problem::new(Code::Internal, "the keyring can't be used")
            })?;
        Ok(Self {
            actor: actor_key(&ctx.actor),
            key: ctx.idempotency_key.clone(),
            fingerprint,
            now: ctx.app.clock.now(),
        })
    }

    /// The answer that the same request under the same key got before.
    ///
    /// # Errors
    /// `idempotency_conflict` if the key was used for another request.
    pub(super) async fn replay<T: DeserializeOwned>(
        &self,
        tx: &mut Tx,
        mode: Mode,
    ) -> Result<Option<T>, Failure> {
        let Some(key) = self.key.as_deref().filter(|_| mode == Mode::Apply) else { return Ok(None) };
        let Some(answer) = idempotency::get(tx, &self.actor, key).await? else { return Ok(None) };
        if answer.request_hash != self.fingerprint {
            return Err(Problem::new(
                Code::IdempotencyConflict,
                "this idempotency key was used for another request",
            )
            .at("Idempotency-Key")
            .hint("use a new key for a new request")
            .into());
        }
        serde_json::from_value(answer.response).map(Some).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a stored answer can't be read");
            Problem::new(Code::Internal, "the stored answer can't be read").into()
        })
    }

    /// Whether the same actor gave the same command lately, and whom it created.
    pub(super) async fn recent(&self, tx: &mut Tx) -> Result<Option<UserId>, Failure> {
        if self.key.is_some() {
            return Ok(None);
        }
        Ok(idempotency::recent_command(tx, &self.actor, &self.fingerprint, self.now - MEMORY).await?)
    }

    /// Keeps the answer for a repetition under the same key. `answer` holds no secret.
    pub(super) async fn remember(
        &self,
        tx: &mut Tx,
        answer: &(impl Serialize + Sync),
    ) -> Result<(), Failure> {
        let Some(key) = &self.key else { return Ok(()) };
        idempotency::expire(tx, self.now - MEMORY).await?;
        let response = serde_json::to_value(answer).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer can't be stored");
            Problem::new(Code::Internal, "the answer can't be stored")
        })?;
        let stored = StoredAnswer { request_hash: self.fingerprint.clone(), response, created_at: self.now };
        idempotency::put(tx, &self.actor, key, &stored).await?;
        Ok(())
    }

    /// Keeps whom a command created, for the same command without a key.
    pub(super) async fn remember_user(&self, tx: &mut Tx, user: UserId) -> Result<(), Failure> {
        if self.key.is_none() {
            idempotency::expire(tx, self.now - MEMORY).await?;
            idempotency::remember_command(tx, &self.actor, &self.fingerprint, user, self.now).await?;
        }
        Ok(())
    }
}

/// Whose memory counts: a user's, whichever of their keys they use.
fn actor_key(actor: &Actor) -> String {
    match actor {
        Actor::ApiKey { user, .. } | Actor::Person { user, .. } => format!("user:{user}"),
        Actor::Operator => "operator".to_owned(),
        Actor::System => "system".to_owned(),
        Actor::LocalUser { uid } => format!("local:{uid}"),
        Actor::Anonymous { .. } => "anonymous".to_owned(),
    }
}
