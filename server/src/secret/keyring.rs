use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::random::Randomness;

/// The keys that seal secrets in the database: one that seals, and older ones that still open.
///
/// A sealed text is `v1.<key id>.<base64url of nonce and ciphertext>`. Its place (table, row, column) goes in
/// as associated data, so that a sealed text copied to another row does not open there.
pub struct Keyring {
    active: String,
    keys: BTreeMap<String, Key>,
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Key([u8; 32]);

/// Why a keyring, or something that it sealed, can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file can't be read or written.
    #[error("{doing} the keyring {path}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others than its owner may read the file.
    #[error("the keyring {path} has mode {mode:03o}; nobody but its owner may have any right (chmod 600)")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file is not a keyring.
    #[error("the keyring {path} is not valid: {why}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong; never part of a key.
        why: &'static str,
    },
    /// A sealed text was sealed with a key that this ring does not have.
    #[error("the keyring has no key `{0}`")]
    KeyUnknown(String),
    /// A sealed text is damaged, or was sealed for another place.
    #[error("a sealed value does not open at {0}")]
    Damaged(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// Id of the key that seals.
    active: String,
    /// Every key by its id, base64url.
    keys: BTreeMap<String, String>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.keys.values_mut().for_each(Zeroize::zeroize);
    }
}

/// Which Unix user and group the file shall belong to.
type Owner = (u32, u32);

impl Keyring {
    /// A ring with one new key.
    pub fn generate(randomness: &dyn Randomness) -> Self {
        let mut ring = Self { active: String::new(), keys: BTreeMap::new() };
        ring.rotate(randomness);
        ring
    }

    /// Reads a ring.
    ///
    /// # Errors
    /// If the file can't be read, is open to others, or is not a keyring.
    pub fn load(path: &Path) -> Result<Self, KeyringError> {
        let failed = |source| KeyringError::File { doing: "reading", path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyringError::Open { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(failed)?;
        let invalid = |why| KeyringError::Invalid { path: path.to_owned(), why };
        // The parser's own message could repeat what it read, so it is not kept.
        let stored: Stored =
            serde_json::from_str(&text).map_err(|_| invalid("it is not in the right form"))?;
        let mut keys = BTreeMap::new();
        for (id, encoded) in &stored.keys {
            let bytes = Zeroizing::new(
                BASE64.decode(encoded.as_bytes()).map_err(|_| invalid("a key is not base64url"))?,
            );
            let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| invalid("a key is not 32 bytes"))?;
            keys.insert(id.clone(), Key(key));
        }
        if !keys.contains_key(&stored.active) {
            return Err(invalid("the active key is missing"));
        }
        Ok(Self { active: stored.active.clone(), keys })
    }

    /// Reads the ring, or makes one if there is none. Safe to run twice, also at the same time: an existing
    /// ring is never replaced, since everything that it sealed would be lost.
    ///
    /// # Errors
    /// If the file can't be written, or is there and can't be used.
    pub fn load_or_create(
        path: &Path,
        owner: Option<Owner>,
        randomness: &dyn Randomness,
    ) -> Result<Self, KeyringError> {
        match Self::load(path) {
            Err(KeyringError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let draft = Self::generate(randomness).write_draft(path, owner, randomness)?;
                // A link, unlike a rename, fails if somebody else was faster.
                let linked = std::fs::hard_link(&draft, path);
                let removed = std::fs::remove_file(&draft);
                match linked {
                    Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(path)(e)),
                    _ => {}
                }
                removed.and_then(|()| sync_directory(path)).map_err(failed(path))?;
                Self::load(path)
            }
            other => other,
        }
    }

    /// Adds a key that seals from now on; the others go on opening.
    pub fn rotate(&mut self, randomness: &dyn Randomness) {
        let mut id = [0; 4];
        randomness.fill(&mut id);
        let mut key = Key([0; 32]);
        randomness.fill(&mut key.0);
        self.active = hex::encode(id);
        self.keys.insert(self.active.clone(), key);
    }

    /// Writes the ring over its file, at once or not at all.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn save(
        &self,
        path: &Path,
        owner: Option<Owner>,
        randomness: &dyn Randomness,
    ) -> Result<(), KeyringError> {
        let draft = self.write_draft(path, owner, randomness)?;
        std::fs::rename(&draft, path).and_then(|()| sync_directory(path)).map_err(failed(path))
    }

    /// Seals a secret for a place, such as `database_passwords/<row>/password`.
    ///
    /// # Errors
    /// If the active key is missing, which a loaded ring rules out.
    pub fn seal(
        &self,
        secret: &[u8],
        place: &str,
        randomness: &dyn Randomness,
    ) -> Result<String, KeyringError> {
        let mut nonce = [0_u8; 12];
        randomness.fill(&mut nonce);
        let sealed = self
            .cipher(&self.active)?
            .encrypt(&Nonce::from(nonce), Payload { msg: secret, aad: place.as_bytes() })
            .map_err(|_| KeyringError::Damaged(place.to_owned()))?;
        let mut envelope = nonce.to_vec();
        envelope.extend(sealed);
        Ok(format!("v1.{}.{}", self.active, BASE64.encode(envelope)))
    }

    /// Opens a sealed secret at its place.
    ///
    /// # Errors
    /// If the key is unknown, the text damaged, or the place another one.
    pub fn open(&self, sealed: &str, place: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let damaged = || KeyringError::Damaged(place.to_owned());
        let (id, envelope) =
            sealed.strip_prefix("v1.").and_then(|rest| rest.split_once('.')).ok_or_else(damaged)?;
        let envelope = BASE64.decode(envelope).map_err(|_| damaged())?;
        let (nonce, ciphertext) = envelope.split_first_chunk::<12>().ok_or_else(damaged)?;
        self.cipher(id)?
            .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: place.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| damaged())
    }

    /// Whether a sealed text should be sealed again, because its key is an old one.
    pub fn is_old(&self, sealed: &str) -> bool {
        sealed
            .strip_prefix("v1.")
            .and_then(|rest| rest.split_once('.'))
            .is_none_or(|(id, _)| id != self.active)
    }

    /// A fingerprint that is equal for equal messages and tells nothing about them without the ring, so that
    /// it may stand for something that holds a password. HMAC-SHA-256 under the active key.
    ///
    /// # Errors
    /// If the active key is missing, which a loaded ring rules out.
    pub fn fingerprint(&self, purpose: &str, message: &[u8]) -> Result<String, KeyringError> {
        let key = self.key(&self.active)?;
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key.0)
            .map_err(|_| KeyringError::KeyUnknown(self.active.clone()))?;
        // The length keeps purpose and message apart.
        mac.update(&u64::try_from(purpose.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(message);
        Ok(format!("{}:{}", self.active, hex::encode(mac.finalize().into_bytes())))
    }

    fn cipher(&self, id: &str) -> Result<Aes256Gcm, KeyringError> {
        Ok(Aes256Gcm::new(&aes_gcm::Key::<Aes256Gcm>::from(self.key(id)?.0)))
    }

    fn key(&self, id: &str) -> Result<&Key, KeyringError> {
        self.keys.get(id).ok_or_else(|| KeyringError::KeyUnknown(id.chars().take(16).collect()))
    }

    /// Writes the ring beside its place, ready to be moved there.
    fn write_draft(
        &self,
        path: &Path,
        owner: Option<Owner>,
        randomness: &dyn Randomness,
    ) -> Result<PathBuf, KeyringError> {
        let stored = Stored {
            active: self.active.clone(),
            keys: self.keys.iter().map(|(id, key)| (id.clone(), BASE64.encode(key.0))).collect(),
        };
        let text = Zeroizing::new(serde_json::to_string_pretty(&stored).map_err(|_| {
            KeyringError::Invalid { path: path.to_owned(), why: "it can't be written as JSON" }
        })?);
        let draft = path.with_added_extension(format!("{}.draft", hex::encode(randomness.ten())));
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            if let Some((uid, gid)) = owner {
                std::os::unix::fs::fchown(&file, Some(uid), Some(gid))?;
            }
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        };
        write().map_err(|source| {
            // What is left of the draft holds nothing that is in use, so failing to remove it is harmless.
            let _ = std::fs::remove_file(&draft);
            failed(path)(source)
        })?;
        Ok(draft)
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> KeyringError + '_ {
    move |source| KeyringError::File { doing: "writing", path: path.to_owned(), source }
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("active", &self.active).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandomness;

    fn randomness() -> SystemRandomness {
        SystemRandomness::from_seed([3; 32])
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_only() {
        let randomness = randomness();
        let mut ring = Keyring::generate(&randomness);
        let sealed = ring.seal(b"hunter2", "databases/1/password", &randomness).unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_eq!(ring.open(&sealed, "databases/1/password").unwrap().as_slice(), b"hunter2");
        assert!(matches!(ring.open(&sealed, "databases/2/password"), Err(KeyringError::Damaged(_))));
        for cut in [0, 3, 12, sealed.len() - 1] {
            assert!(ring.open(&sealed[..cut], "databases/1/password").is_err(), "{cut}");
        }
        ring.rotate(&randomness);
        assert!(ring.is_old(&sealed));
        assert_eq!(ring.open(&sealed, "databases/1/password").unwrap().as_slice(), b"hunter2");
        let newer = ring.seal(b"hunter2", "databases/1/password", &randomness).unwrap();
        assert!(!ring.is_old(&newer));
        let other = Keyring::generate(&randomness);
        assert!(matches!(other.open(&newer, "databases/1/password"), Err(KeyringError::KeyUnknown(_))));
    }

    #[test]
    fn a_file_is_made_once_private_and_never_replaced() {
        let randomness = randomness();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        let first = Keyring::load_or_create(&path, None, &randomness).unwrap();
        let second = Keyring::load_or_create(&path, None, &randomness).unwrap();
        assert_eq!(first.active, second.active);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
        let sealed = first.seal(b"x", "p", &randomness).unwrap();
        let mut third = Keyring::load(&path).unwrap();
        third.rotate(&randomness);
        third.save(&path, None, &randomness).unwrap();
        assert_eq!(Keyring::load(&path).unwrap().open(&sealed, "p").unwrap().as_slice(), b"x");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keyring::load(&path), Err(KeyringError::Open { mode: 0o640, .. })));
    }

    #[test]
    fn nothing_of_a_key_is_in_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        file.write_all(br#"{"active": "a", "keys": {"a": "c2VjcmV0IHNlY3JldA"}, "extra": "topsecret"}"#)
            .unwrap();
        let error = Keyring::load(&path).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn a_fingerprint_depends_on_ring_purpose_and_message() {
        let randomness = randomness();
        let ring = Keyring::generate(&randomness);
        let base = ring.fingerprint("create", b"message").unwrap();
        assert_eq!(base, ring.fingerprint("create", b"message").unwrap());
        assert_ne!(base, ring.fingerprint("createm", b"essage").unwrap());
        assert_ne!(base, ring.fingerprint("create", b"messagE").unwrap());
        assert_ne!(base, Keyring::generate(&randomness).fingerprint("create", b"message").unwrap());
    }
}
