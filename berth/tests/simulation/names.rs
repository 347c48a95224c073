//! Names to choose from: few enough that requests get into each other's way.

use base64::Engine as _;
use berth_core::Parse;
use berth_core::ssh_key::SshPublicKey;

use crate::dice::Dice;

pub(crate) fn username(dice: &mut Dice) -> String {
    format!("tenant{}", dice.below(5))
}

/// The name of a home that somebody has left on the node. No tenant has it.
pub(crate) fn left_over(dice: &mut Dice) -> String {
    format!("left{}", dice.below(3))
}

pub(crate) fn email(dice: &mut Dice) -> String {
    format!("person{}@example.net", dice.below(8))
}

pub(crate) fn person(dice: &mut Dice) -> String {
    dice.pick(&["Ada Lovelace", "Grace: Hopper", "Zoë, Ruiz & Sons", "O'Neill \"Tip\""]).unwrap().to_owned()
}

pub(crate) fn docroot(dice: &mut Dice) -> String {
    dice.pick(&["public_html", "public_html", "public_html/web"]).unwrap().to_owned()
}

/// A domain; some lie below another, and some are too long for the host tree.
pub(crate) fn domain(dice: &mut Dice) -> String {
    let base = format!("shop{}.com", dice.below(6));
    match dice.below(10) {
        0 => format!("blog.{base}"),
        1 => format!("{}.{}.{base}", "a".repeat(60), "b".repeat(20)),
        _ => base,
    }
}

/// A well-formed Ed25519 key.
pub(crate) fn public_key(dice: &mut Dice) -> String {
    nth_public_key(u8::try_from(dice.below(KEYS)).unwrap())
}

/// How many keys there are.
const KEYS: u64 = 6;

/// The line by which the key of a fingerprint is authorized.
pub(crate) fn key_line(fingerprint: &str) -> Option<String> {
    let keys =
        (0..u8::try_from(KEYS).unwrap()).map(|number| SshPublicKey::parse(&nth_public_key(number)).unwrap());
    let mut lines =
        keys.filter(|key| key.fingerprint() == fingerprint).map(|key| key.authorized_line().to_owned());
    lines.next()
}

fn nth_public_key(number: u8) -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([number; 32]);
    format!("ssh-ed25519 {} key{number}", base64::engine::general_purpose::STANDARD.encode(blob))
}
