//! SSH public keys for SFTP.

use serde::{Deserialize, Serialize};
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey};

use crate::{Code, Parse, Problem};

/// An Ed25519, ECDSA or RSA (2048 bits and more) public key, in the form of RFC 4253 and OpenSSH.
///
/// Options before the key are refused: what a key may do is Berth's to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SshPublicKey {
    algorithm_and_data: String,
    comment: String,
    fingerprint: String,
}

impl SshPublicKey {
    /// `SHA256:…`, unique within an account.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What its owner calls it; may be empty.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// The line for an authorized keys file. The comment stays out: it is foreign text and of no use there.
    pub fn authorized_line(&self) -> &str {
        &self.algorithm_and_data
    }
}

impl std::fmt::Display for SshPublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.algorithm_and_data)?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

impl Parse for SshPublicKey {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |what: &str| {
            Problem::new(Code::SshKeyInvalid, what)
                .hint("paste one line of a public key file: ssh-ed25519, ecdsa-sha2-… or ssh-rsa with 2048 bits or more")
        };
        let text = text.trim();
        if text.contains(|c: char| c.is_control()) {
            return Err(invalid("a public key is a single line"));
        }
        if text.contains("PRIVATE KEY") {
            return Err(invalid("this is a private key; keep it to yourself and send the public one"));
        }
        let key = PublicKey::from_openssh(text).map_err(|_| invalid("this is not an OpenSSH public key"))?;
        match key.key_data() {
            KeyData::Ed25519(_) | KeyData::Ecdsa(_) => {}
            KeyData::Rsa(rsa) => {
                let modulus = rsa.n.as_positive_bytes().unwrap_or_default();
                let bits =
                    modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
                if bits < 2048 {
                    return Err(invalid(&format!("the RSA key has {bits} bits, fewer than 2048")));
                }
            }
            _ => return Err(invalid("keys of this kind are not accepted")),
        }
        let comment: String = key.comment().chars().take(128).collect();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let mut bare = key;
        bare.set_comment("");
        let algorithm_and_data = bare
            .to_openssh()
            .map_err(|_| invalid("this key can't be written in OpenSSH form"))?
            .trim_end()
            .to_owned();
        Ok(Self { algorithm_and_data, comment, fingerprint })
    }
}

impl TryFrom<String> for SshPublicKey {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<SshPublicKey> for String {
    fn from(key: SshPublicKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti alice@laptop";

    #[test]
    fn a_good_key_survives() {
        let key = SshPublicKey::parse(ED25519).unwrap();
        assert_eq!(key.to_string(), ED25519);
        assert_eq!(key.comment(), "alice@laptop");
        assert!(key.fingerprint().starts_with("SHA256:"));
        assert!(!key.authorized_line().contains("laptop"));
    }

    #[test]
    fn bad_keys_are_refused() {
        for bad in [
            "",
            "hello",
            "ssh-ed25519 AAAA",
            "command=\"/bin/sh\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
            "ssh-dss AAAAB3NzaC1kc3MAAACBAJ",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            &format!("{ED25519}\nssh-rsa AAAA"),
        ] {
            assert_eq!(SshPublicKey::parse(bad).unwrap_err().code, Code::SshKeyInvalid, "{bad:?}");
        }
    }
}
