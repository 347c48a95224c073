//! Secrets: hashing of passwords, and the keyring that seals what must be given back.

mod hasher;
mod keyring;
pub mod signature;

pub use hasher::{Cost, Hasher, Verdict};
pub use keyring::{Keyring, KeyringError};

/// Makes a secret from random bytes for use in a header: 43 characters of base64url, 256 bits.
pub fn token(randomness: &dyn crate::random::Randomness) -> zeroize::Zeroizing<String> {
    use base64::Engine as _;
    let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
    randomness.fill(bytes.as_mut());
    zeroize::Zeroizing::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}
