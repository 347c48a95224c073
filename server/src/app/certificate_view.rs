use berth_core::certificate::CertificateState;
use berth_core::domain::DomainState;
use berth_core::view::CertificateView;
use berth_store::certificates::CertificateRecord;
use berth_store::domains::DomainRecord;

use super::context::App;

/// Where the certificate of a domain stands, as answers show it.
pub(super) fn certificate_view(
    app: &App,
    domain: DomainRecord,
    record: Option<CertificateRecord>,
) -> CertificateView {
    let is_on = app.settings.acme.directory.is_some();
    let record = record.filter(|_| domain.state == DomainState::Active);
    let ends = record.as_ref().and_then(|record| record.not_after);
    let state = match (ends, &record) {
        (Some(ends), _) if ends > app.clock.now() => CertificateState::Issued,
        (Some(_), _) => CertificateState::Expired,
        (None, _) if !is_on => CertificateState::Off,
        (None, None) if domain.state == DomainState::Pending => CertificateState::Unproven,
        (None, Some(record)) if record.attempts > 0 => CertificateState::Failed,
        (None, _) => CertificateState::Pending,
    };
    let mut view = CertificateView {
        domain: domain.fqdn.clone(),
        state,
        names: Vec::new(),
        missing: Vec::new(),
        issuer: None,
        fingerprint: None,
        not_before: None,
        not_after: None,
        next_attempt_at: None,
        failures: 0,
        problems: Vec::new(),
    };
    if let Some(record) = record {
        view.names = record.names;
        view.issuer = record.issuer;
        view.fingerprint = record.fingerprint;
        view.not_before = record.not_before;
        view.not_after = record.not_after;
        view.next_attempt_at = is_on.then_some(record.due_at);
        view.failures = record.attempts;
        view.problems = record.problems;
    }
    let hosts = std::iter::once(domain.fqdn).chain(domain.aliases);
    view.missing = hosts.filter(|host| !view.names.contains(host)).collect();
    view
}
