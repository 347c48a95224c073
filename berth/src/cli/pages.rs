//! Lists that come in pages.

use berth_core::view::Page;
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::Console;

/// Which part of a list.
#[derive(Debug, Clone, Args)]
pub(super) struct PageArgs {
    /// Most entries on a page, 1 to 200
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,

    /// Where to go on, as the page before said
    #[arg(long, value_name = "CURSOR", conflicts_with = "all")]
    cursor: Option<String>,

    /// Every entry, not one page
    #[arg(long)]
    all: bool,
}

/// Asks for one page or all of them and prints them.
pub(super) async fn show<T: DeserializeOwned>(
    session: &Session,
    request: Request,
    page: &PageArgs,
    human: impl FnOnce(&[T]) -> String,
) -> Result<(), Failure> {
    // Fewer, larger pages when everything is wanted.
    let limit = page.limit.or(page.all.then_some(200));
    let request = request.query("limit", limit);
    let mut items: Vec<Value> = Vec::new();
    let mut cursor = page.cursor.clone();
    let next = loop {
        let answer: Page<Value> = session.fetch(request.clone().query("cursor", cursor.as_ref())).await?;
        let empty = answer.items.is_empty();
        items.extend(answer.items);
        match answer.next {
            Some(next) if page.all && !empty => cursor = Some(next),
            next => break next,
        }
    };
    let mut answer = json!({"items": items});
    if let (Some(next), Some(object)) = (&next, answer.as_object_mut()) {
        object.insert("next".to_owned(), json!(next));
    }
    let typed = items.iter().map(decode).collect::<Result<Vec<T>, _>>()?;
    session.console.answer(&answer, || human(&typed));
    if let Some(next) = next
        && !session.console.is_json()
    {
        Console::note(format!("there is more: add --all, or --cursor {next}"));
    }
    Ok(())
}

/// Asks for a list that comes as a whole and prints it.
pub(super) async fn whole<T: DeserializeOwned>(
    session: &Session,
    request: Request,
    human: impl FnOnce(&[T]) -> String,
) -> Result<(), Failure> {
    let items = all(session, request).await?;
    let typed = items.iter().map(decode).collect::<Result<Vec<T>, _>>()?;
    session.console.answer(&json!({"items": items}), || human(&typed));
    Ok(())
}

/// Every entry of a list, whether it comes as a page, in pages or bare.
pub(super) async fn all(session: &Session, request: Request) -> Result<Vec<Value>, Failure> {
    match session.send(request.clone()).await? {
        Value::Array(items) => Ok(items),
        answer => {
            let mut page: Page<Value> = decode(&answer)?;
            let mut items = std::mem::take(&mut page.items);
            while let Some(cursor) = page.next.take() {
                page = session.fetch(request.clone().query("cursor", Some(cursor))).await?;
                items.append(&mut page.items);
            }
            Ok(items)
        }
    }
}
