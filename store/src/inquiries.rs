//! What somebody wants to know of a node right now, and what it answered.

use berth_core::Problem;
use berth_core::id::{InquiryId, NodeId};
use berth_core::inquiry::{Found, Inquiry, Question, Reply};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::value::{from_json, micros, to_json};
use crate::{Result, Tx};

/// Nobody waits as long as this.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::minutes(2);

statements! {
    INSERT => ["INSERT INTO inquiries (id, node_id, question, asked_at) VALUES ($1, $2, $3, $4)"];
    FORGET => ["DELETE FROM inquiries WHERE asked_at < $1"];
    WAITING => ["SELECT count(*) FROM inquiries WHERE node_id = $1 AND given_at IS NULL"];
    GIVE => [
        "UPDATE inquiries SET given_at = $2 WHERE node_id = $1 AND given_at IS NULL RETURNING id, question"
    ];
    ANSWER => ["UPDATE inquiries SET answer = $3 WHERE id = $1 AND node_id = $2 AND answer IS NULL"];
    ANSWERED => ["SELECT answer FROM inquiries WHERE id = $1"];
    REMOVE => ["DELETE FROM inquiries WHERE id = $1"];
}

/// Stores a question, and forgets those that nobody waits for any more.
pub async fn ask(tx: &mut Tx, node: NodeId, inquiry: &Inquiry, at: DateTime<Utc>) -> Result<()> {
    execute!(tx, FORGET, micros(at - FORGOTTEN_AFTER))?;
    let question = to_json("question", &inquiry.question)?;
    execute!(tx, INSERT, inquiry.id.0, node.0, question, micros(at))?;
    Ok(())
}

/// Whether a node has questions that were not given to it.
pub async fn is_waiting(tx: &mut Tx, node: NodeId) -> Result<bool> {
    Ok(fetch_value!(tx, i64, WAITING, node.0)? > 0)
}

/// The questions that a node was not given yet, which it is now.
pub async fn give(tx: &mut Tx, node: NodeId, at: DateTime<Utc>) -> Result<Vec<Inquiry>> {
    fetch_all!(tx, (Uuid, String), GIVE, node.0, micros(at))?
        .into_iter()
        .map(|(id, question)| {
            Ok(Inquiry { id: InquiryId(id), question: from_json::<Question>("question", &question)? })
        })
        .collect()
}

/// Stores a node's answer; whether somebody still waits for it.
pub async fn answer(tx: &mut Tx, node: NodeId, reply: &Reply) -> Result<bool> {
    Ok(execute!(tx, ANSWER, reply.id.0, node.0, to_json("answer", &reply.outcome)?)? > 0)
}

/// The answer to a question, once it is there.
pub async fn answered(tx: &mut Tx, id: InquiryId) -> Result<Option<std::result::Result<Found, Problem>>> {
    let answer = fetch_optional_value!(tx, Option<String>, ANSWERED, id.0)?.flatten();
    answer.map(|text| from_json("answer", &text)).transpose()
}

/// Removes a question that is answered, or that nobody waits for any more.
pub async fn remove(tx: &mut Tx, id: InquiryId) -> Result<()> {
    execute!(tx, REMOVE, id.0)?;
    Ok(())
}
