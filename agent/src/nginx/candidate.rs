//! Finding the server blocks that nginx accepts.

use std::collections::BTreeMap;

use super::CANDIDATE_SITES;

/// Server blocks: text by file name.
pub type Files = BTreeMap<String, String>;

/// What nginx thinks of a set of blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The blocks that it accepts together.
    pub accepted: Files,
    /// The others, with its words.
    pub rejected: BTreeMap<String, String>,
}

/// Why nothing can go live.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// nginx refuses the configuration without any block, in these words.
    Whole(String),
    /// nginx can't be asked.
    Unasked(E),
}

/// Sorts blocks into those that nginx accepts and those that it does not. `ask` has nginx look at a set and
/// gives its words if it refuses. With `n` blocks of which `b` are broken it is asked at most `b + 1` times if
/// its words name the file, else at most about `b · log n` times.
///
/// # Errors
/// See [`Refusal`].
pub fn sort<E>(
    blocks: &Files,
    mut ask: impl FnMut(&Files) -> Result<Option<String>, E>,
) -> Result<Verdict, Refusal<E>> {
    let mut verdict = Verdict { accepted: blocks.clone(), rejected: BTreeMap::new() };
    let mut sound_without_blocks = false;
    loop {
        let Some(words) = ask(&verdict.accepted).map_err(Refusal::Unasked)? else { return Ok(verdict) };
        let named = named_file(&words).filter(|name| verdict.accepted.contains_key(*name)).map(str::to_owned);
        let culprit = if let Some(name) = named {
            Some((name, words))
        } else {
            if !sound_without_blocks {
                if let Some(words) = ask(&Files::new()).map_err(Refusal::Unasked)? {
                    return Err(Refusal::Whole(plain(&words)));
                }
                sound_without_blocks = true;
            }
            bisect(&verdict.accepted, words, &mut ask).map_err(Refusal::Unasked)?
        };
        let Some((name, words)) = culprit else { return Ok(verdict) };
        verdict.accepted.remove(&name);
        verdict.rejected.insert(name, plain(&words));
    }
}

/// The block with which a refused set begins to be refused: without it and those after it, nginx accepts.
fn bisect<E>(
    blocks: &Files,
    mut words: String,
    ask: &mut impl FnMut(&Files) -> Result<Option<String>, E>,
) -> Result<Option<(String, String)>, E> {
    let names: Vec<&String> = blocks.keys().collect();
    // The first `accepted` blocks are accepted together, the first `refused` are not.
    let (mut accepted, mut refused) = (0, names.len());
    while refused - accepted > 1 {
        let middle = usize::midpoint(accepted, refused);
        let first: Files =
            blocks.iter().take(middle).map(|(name, text)| (name.clone(), text.clone())).collect();
        match ask(&first)? {
            None => accepted = middle,
            Some(said) => {
                refused = middle;
                words = said;
            }
        }
    }
    Ok(names.get(accepted).map(|name| ((*name).clone(), words)))
}

/// The file of a candidate that nginx's words are about: they end in ` in <path>:<line>`.
fn named_file(words: &str) -> Option<&str> {
    words.lines().find_map(|line| {
        let (_, place) = line.split_once(CANDIDATE_SITES)?;
        let (name, _) = place.strip_prefix('/')?.split_once(':')?;
        (!name.contains('/')).then_some(name)
    })
}

/// nginx's words as they are shown: the complaint alone, on one line, without what an operator can't use.
fn plain(words: &str) -> String {
    let complaint = words
        .lines()
        .find(|line| line.contains("[emerg]"))
        .or_else(|| words.lines().next())
        .unwrap_or("nginx gave no reason");
    let complaint = complaint.split_once("[emerg] ").map_or(complaint, |(_, rest)| rest);
    // Process and thread, as in `2366#2366: `.
    let complaint = match complaint.split_once(": ") {
        Some((place, rest)) if place.bytes().all(|byte| byte.is_ascii_digit() || byte == b'#') => rest,
        _ => complaint,
    };
    let shown: String =
        complaint.replace(&format!("{CANDIDATE_SITES}/"), "").chars().filter(|c| !c.is_control()).collect();
    shown.chars().take(400).collect()
}
