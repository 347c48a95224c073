use berth_core::{Code, Fields, Problem};

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// The opaque end of the page before, if this is not the first.
    pub cursor: Option<String>,
    /// Most entries on the page, 1 to 200.
    pub limit: u32,
}

impl Default for Paging {
    fn default() -> Self {
        Self { cursor: None, limit: 50 }
    }
}

impl Paging {
    /// Reads `cursor` and `limit`, which is text, since it comes from a query.
    pub(super) fn read(fields: &mut Fields) -> Self {
        let cursor = fields.text("cursor");
        let limit = fields.text("limit").map(|text| match text.parse::<u32>() {
            Ok(limit) if (1..=200).contains(&limit) => Ok(limit),
            _ => Err(Problem::new(Code::ValueInvalid, "use a limit from 1 to 200")),
        });
        let limit = limit.and_then(|limit| fields.keep("limit", limit)).unwrap_or(50);
        Self { cursor, limit }
    }
}
