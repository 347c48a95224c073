//! Passwords: what is acceptable, and how one is generated.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Code, Parse, Problem};

/// A plaintext password. It lives in the memory of one request: no `Serialize`, `Debug` shows nothing, and
/// the memory is wiped when it goes.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Password(String);

impl Password {
    /// The text, for hashing and for the one answer that shows a generated password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Parse for Password {
    fn parse(text: &str) -> Result<Self, Problem> {
        let count = text.chars().count();
        if count > 128 {
            return Err(Problem::new(Code::PasswordInvalid, "the password is longer than 128 characters"));
        }
        if text.chars().any(char::is_control) {
            return Err(Problem::new(Code::PasswordInvalid, "the password contains control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The installation's rule for passwords of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRule {
    /// Fewest characters.
    pub min_length: usize,
    /// Least strength by zxcvbn's score, 0 to 4.
    pub min_score: u8,
}

impl Default for PasswordRule {
    fn default() -> Self {
        Self { min_length: 10, min_score: 2 }
    }
}

impl PasswordRule {
    /// Checks a supplied password against the rule.
    ///
    /// `about` holds what an attacker would try first: username, address, domain, name. The strength
    /// estimate knows the common passwords, so it is also the blocklist.
    ///
    /// # Errors
    /// `password_invalid` with the reason and advice, without field.
    pub fn check(&self, password: &Password, about: &[&str]) -> Result<(), Problem> {
        let text = password.expose();
        let weak = |detail: String| {
            Problem::new(Code::PasswordInvalid, detail)
                .hint("leave it out to have one generated, or use several unrelated words")
        };
        if text.chars().count() < self.min_length {
            return Err(weak(format!("the password has fewer than {} characters", self.min_length)));
        }
        let lower = text.to_lowercase();
        let same = about.iter().any(|word| {
            let word = word.to_lowercase();
            !word.is_empty() && (lower == word || (word.len() >= 4 && lower.replace(&word, "").len() < 4))
        });
        if same {
            return Err(weak("the password is the name, address or domain itself".to_owned()));
        }
        let estimate = zxcvbn::zxcvbn(text, about);
        if u8::from(estimate.score()) < self.min_score {
            let why = estimate
                .feedback()
                .and_then(zxcvbn::feedback::Feedback::warning)
                .map_or_else(String::new, |warning| format!(": {warning}"));
            return Err(weak(format!("the password is too easy to guess{why}")));
        }
        Ok(())
    }
}

/// Letters and digits that nobody confuses on paper or by telephone.
const ALPHABET: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";

/// Characters in a generated password; 24 of 56 symbols are more than 139 bits.
const GENERATED_LENGTH: usize = 24;

/// Makes a password from a source of random bytes, without bias.
pub fn generate(mut random_byte: impl FnMut() -> u8) -> Password {
    let mut text = String::with_capacity(GENERATED_LENGTH);
    while text.len() < GENERATED_LENGTH {
        // 224 is the largest multiple of 56 in a byte; what lies above would favour the first symbols.
        let byte = random_byte();
        if byte < 224
            && let Some(symbol) = ALPHABET.get(usize::from(byte) % ALPHABET.len())
        {
            text.push(char::from(*symbol));
        }
    }
    Password(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown_by_accident() {
        let password = Password::parse("correct horse battery").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
    }

    #[test]
    fn rule() {
        let rule = PasswordRule::default();
        let check = |text: &str| {
            rule.check(&Password::parse(text).unwrap(), &["alice", "alice@example.com", "alicesite.com"])
        };
        assert!(check("Kx7vTq92mLpw").is_ok());
        assert!(check("violet anchor drizzle").is_ok());
        for weak in [
            "short",
            "password123",
            "alicesite.com",
            "alice@example.com",
            "aaaaaaaaaaaa",
            "qwertyuiop",
            "1234567890",
        ] {
            assert_eq!(check(weak).unwrap_err().code, Code::PasswordInvalid, "{weak}");
        }
        assert!(Password::parse(&"x".repeat(129)).is_err());
        assert!(Password::parse("with\nnewline in it").is_err());
    }

    #[test]
    fn generated_passwords_pass_the_strictest_rule() {
        let mut byte = 0_u8;
        let password = generate(|| {
            byte = byte.wrapping_mul(31).wrapping_add(97);
            byte
        });
        assert_eq!(password.expose().len(), GENERATED_LENGTH);
        let strict = PasswordRule { min_length: 20, min_score: 4 };
        assert!(strict.check(&password, &["alice"]).is_ok());
    }
}
