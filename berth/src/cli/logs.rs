//! `berth logs`: the process that splits the web server's logs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use berth_logs::{Settings, Splitter};
use tokio::signal::unix::{SignalKind, signal};

use super::{failed, service};
use crate::failure::Failure;

/// Splits until it is told to end.
pub(crate) fn run() -> Result<(), Failure> {
    berth_server::telemetry::init();
    service(split()).map_err(|error| failed("logs", &error))
}

async fn split() -> anyhow::Result<()> {
    let splitter = Splitter::open(&Settings::default())?;
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let work = tokio::task::spawn_blocking(move || splitter.run(&told));
    // Only a service manager hears it, if there is one.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut work = std::pin::pin!(work);
    tokio::select! {
        ended = &mut work => return Ok(ended??),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.store(true, Ordering::Relaxed);
    Ok(work.await??)
}
