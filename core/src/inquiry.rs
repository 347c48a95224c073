//! Inquiries: what somebody wants to know of a node right now, and what its agent answers. Nothing on the node
//! changes by one.

use serde::{Deserialize, Serialize};

use crate::Problem;
use crate::id::InquiryId;
use crate::log::{LineCount, LogFilter, LogKind};
use crate::name::{Fqdn, Username};
use crate::website::LocalPath;

/// A question to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inquiry {
    /// Which one.
    pub id: InquiryId,
    /// What is asked.
    pub question: Question,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// The last lines of a site's log.
    Log {
        /// Whose site.
        username: Username,
        /// The site.
        fqdn: Fqdn,
        /// Which log.
        kind: LogKind,
        /// How many lines at most.
        lines: LineCount,
        /// Only lines that contain this.
        filter: Option<LogFilter>,
    },
    /// What a directory that a website names is like.
    Directory {
        /// The directory.
        path: LocalPath,
    },
}

/// A node's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The question that it answers.
    pub id: InquiryId,
    /// What was found, or why nothing could be.
    pub outcome: Result<Found, Problem>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Found {
    /// Lines of a log, oldest first.
    Log {
        /// The lines, without their ends.
        lines: Vec<String>,
        /// Whether there are older ones that would have counted.
        more: bool,
    },
    /// A directory.
    Directory {
        /// The numbers of the user and group that it belongs to.
        owner: (u32, u32),
        /// Its permission bits.
        mode: u32,
    },
}
