//! `berth doctor`

use berth_core::{Code, Problem};
use clap::Args;
use serde_json::json;

use super::{Global, block_on, load};
use crate::doctor::{Finding, Host, Severity, examine};
use crate::failure::Failure;
use crate::output::{Console, table};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {}

impl DoctorArgs {
    #[expect(clippy::unused_self, reason = "like every other command")]
    pub(crate) fn run(self, global: &Global, console: Console) -> Result<(), Failure> {
        let config = load(&global.config)?;
        let session = global.connection.open(&config.listen.operator, console)?;
        block_on(async {
            let findings = examine(&Host::this(), &config, &session).await;
            report(&findings, console)
        })
    }
}

fn report(findings: &[Finding], console: Console) -> Result<(), Failure> {
    let failed = findings.iter().filter(|finding| finding.severity == Severity::Failed).count();
    console.answer(&json!({"failed": failed, "findings": findings}), || {
        let rows = findings.iter().map(|finding| {
            let word = match finding.severity {
                Severity::Ok => "ok",
                Severity::Warning => "warning",
                Severity::Failed => "FAILED",
            };
            [word.to_owned(), finding.check.to_owned(), finding.detail.clone()]
        });
        let mut shown = table(["STATE", "CHECK", "FOUND"], rows);
        for finding in findings {
            if let Some(hint) = &finding.hint {
                shown = format!("{shown}\n\n{}: {}\n  to mend it: {hint}", finding.check, finding.detail);
            }
        }
        shown
    });
    if failed == 0 {
        return Ok(());
    }
    let problem = Problem::new(Code::HostFailed, format!("{failed} checks failed"));
    let mut failure = Failure::from(problem).after_answer();
    failure.exit = berth_core::problem::ExitCode::Internal;
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failed_check_fails_the_command() {
        let finding = |severity| Finding { check: "x", severity, detail: "d".to_owned(), hint: None };
        let console = Console::new(false);
        assert!(report(&[finding(Severity::Ok), finding(Severity::Warning)], console).is_ok());
        let failure = report(&[finding(Severity::Ok), finding(Severity::Failed)], console).unwrap_err();
        assert_eq!(failure.exit as u8, 1);
    }
}
