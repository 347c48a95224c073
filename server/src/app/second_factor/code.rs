//! Codes: those of an authenticator and those for the day on which it is lost.

use berth_core::id::UserId;
use berth_core::{Code, Problem};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::app::context::App;

/// Recovery codes that somebody gets.
const RECOVERY_CODES: usize = 10;

/// Letters and digits that nobody confuses; 32 of them, so that five bits make one.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// An authenticator's code: the secret with everything around it.
pub(super) fn totp(app: &App, secret: &[u8], name: &str) -> Result<Totp, Problem> {
    Builder::new()
        .with_secret(Secret::from(secret.to_vec()))
        .with_account_name(name.replace(':', "-"))
        .with_issuer(Some(issuer(app)))
        .build()
        .map_err(|error| {
            tracing::error!(error = %error, "an authenticator's code can't be computed");
            Problem::new(Code::Internal, "the second factor can't be computed")
        })
}

/// What an authenticator shows beside the name: the panel's host, so that two installations differ.
fn issuer(app: &App) -> String {
    let url = app.settings.panel_url.as_deref().unwrap_or_default();
    let host = url.trim_start_matches("https://").split([':', '/']).next().unwrap_or_default();
    if host.is_empty() { "Berth".to_owned() } else { format!("Berth {host}") }
}

/// The time step whose code was given, if it is one of now; a clock may be off by one step.
pub(super) fn step_of(app: &App, totp: &Totp, code: &str) -> Option<u64> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let now = u64::try_from(app.clock.now().timestamp()).ok()?;
    totp.check(&digits, now)
}

/// Where a sealed secret stands.
pub(super) fn place(user: UserId) -> String {
    format!("second_factors/{user}/secret")
}

pub(super) fn seal(app: &App, user: UserId, secret: &[u8]) -> Result<String, Problem> {
    app.keyring.seal(secret, &place(user), app.randomness.as_ref()).map_err(|error| unsealed(&error))
}

pub(super) fn open(app: &App, user: UserId, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    app.keyring.open(sealed, &place(user)).map_err(|error| unsealed(&error))
}

fn unsealed(error: &crate::secret::KeyringError) -> Problem {
    tracing::error!(error = error as &dyn std::error::Error, "the secret of a second factor can't be used");
    Problem::new(Code::Internal, "the second factor can't be used")
}

/// New recovery codes: four groups of four, 80 random bits each.
pub(super) fn recovery_codes(app: &App) -> Vec<String> {
    (0..RECOVERY_CODES)
        .map(|_| {
            let mut bytes = Zeroizing::new([0_u8; 16]);
            app.randomness.fill(bytes.as_mut());
            let mut code = String::with_capacity(19);
            for (index, byte) in bytes.iter().enumerate() {
                if index > 0 && index % 4 == 0 {
                    code.push('-');
                }
                let symbol = ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'a');
                code.push(char::from(symbol));
            }
            code
        })
        .collect()
}

/// What the database holds of a recovery code, however it was typed.
pub(super) fn fingerprint(code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    hex::encode(Sha256::digest(plain.to_ascii_lowercase().as_bytes()))
}
