//! Whether the server answers and its agents are at work.

use berth_core::view::{NodeView, Page};

use super::Finding;
use crate::client::{Request, Session};

pub(super) async fn check(session: &Session) -> Vec<Finding> {
    match session.fetch::<Page<NodeView>>(Request::get(&["nodes"])).await {
        Ok(page) => {
            let mut findings = vec![Finding::ok("server", "it answers")];
            findings.extend(page.items.iter().flat_map(judge));
            findings
        }
        Err(failure) => {
            let document = failure.document;
            let hint = document.hint.unwrap_or_else(|| "journalctl -u berth".to_owned());
            vec![Finding::failed("server", document.detail, hint)]
        }
    }
}

fn judge(node: &NodeView) -> Vec<Finding> {
    let name = &node.name;
    let mut findings = Vec::new();
    if node.online {
        findings.push(Finding::ok("agent", format!("the agent of {name} is at work")));
    } else {
        let seen = node.seen_at.map_or_else(|| "never".to_owned(), |at| at.format("%F %T UTC").to_string());
        findings.push(Finding::failed(
            "agent",
            format!("nothing has been heard of the agent of {name}; last: {seen}"),
            "systemctl restart berth-agent; then: journalctl -u berth-agent",
        ));
    }
    for problem in &node.problems {
        let hint = problem.hint.clone().unwrap_or_else(|| "journalctl -u berth-agent".to_owned());
        findings.push(Finding::failed(
            "node",
            format!("{name}: {} [{}]", problem.detail, problem.code),
            hint,
        ));
    }
    if node.failed > 0 {
        findings.push(Finding::warning(
            "accounts",
            format!("{} accounts of {name} have a failed resource", node.failed),
            "berth user list --all shows which, berth user conditions NAME why",
        ));
    }
    findings
}
