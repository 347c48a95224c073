//! Logs and figures of this process.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts writing logs to standard error: one JSON object per line for the journal, or text on a terminal.
/// `RUST_LOG` chooses what; without it, what matters to an operator. Does nothing if logs are written already.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = if std::io::stderr().is_terminal() {
        let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
        registry.with(layer).try_init()
    } else {
        let layer = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(std::io::stderr);
        registry.with(layer).try_init()
    };
    if started.is_err() {
        tracing::debug!("logs are written already");
    }
}

/// Upper bounds of the histogram of answer times, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// The recorder of this process: figures are process-wide, so there is one however many servers run in it.
static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// Starts counting, or joins what counts already.
///
/// # Errors
/// Somebody else counts in this process.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*recorder {
        return Ok(handle.clone());
    }
    let made = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("berth_http_request_seconds".to_owned()), BUCKETS)?
        .build_recorder();
    let handle = made.handle();
    metrics::set_global_recorder(made)?;
    describe();
    Ok(recorder.insert(handle).clone())
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("berth_http_requests_total", "Requests answered, by method, route and status");
    describe_histogram!("berth_http_request_seconds", "Time to answer, by method and route");
    describe_counter!("berth_connections_refused_total", "Connections refused because there were too many");
    describe_gauge!("berth_accounts", "Accounts of a node, by state");
    describe_gauge!("berth_agent_seen_age_seconds", "Time since a node's agent was last heard of");
    describe_gauge!("berth_node_problems", "Problems of a node as a whole");
}
