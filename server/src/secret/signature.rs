//! How receivers of events know that an event is from this installation, and was sent lately.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header of the signature.
pub const HEADER: &str = "berth-signature";

/// `t=<seconds since 1970>,v1=<hexadecimal HMAC-SHA-256 of "<seconds>.<body>" under the secret>`.
pub fn header(secret: &[u8], at: DateTime<Utc>, body: &str) -> String {
    let seconds = at.timestamp();
    // HMAC takes keys of any length.
    let tag = Hmac::<Sha256>::new_from_slice(secret).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(format!("{seconds}.").as_bytes());
            mac.update(body.as_bytes());
            hex::encode(mac.finalize().into_bytes())
        },
    );
    format!("t={seconds},v1={tag}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_others_compute() {
        // printf '1800000000.{"a":1}' | openssl dgst -sha256 -hmac berth_whsec_x
        let at = DateTime::from_timestamp(1_800_000_000, 999_000_000).unwrap();
        assert_eq!(header(b"berth_whsec_x", at, r#"{"a":1}"#), EXPECTED);
        assert_ne!(header(b"berth_whsec_y", at, r#"{"a":1}"#), EXPECTED);
        assert_ne!(header(b"berth_whsec_x", at, r#"{"a":2}"#), EXPECTED);
    }

    const EXPECTED: &str = "t=1800000000,v1=a9366482bb9188f7b9ce9c092d9e06838363ba5ccafc8807443048f69196373f";
}
