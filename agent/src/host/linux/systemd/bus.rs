//! The connection to the system bus, and waiting for systemd's jobs.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant};

use super::SYSTEMD;
use crate::host::{HostError, Result};

/// How long a call may take.
pub(super) const CALL_PATIENCE: Duration = Duration::from_secs(25);
/// How long systemd may take to read all unit files: it answers nobody meanwhile.
pub(super) const RELOAD_PATIENCE: Duration = Duration::from_mins(2);
/// How long a job may take. Longer than a graceful stop and the kill after it.
const JOB_PATIENCE: Duration = Duration::from_secs(90);

/// Signals that wait for a slow reader. Who misses some looks again.
const SIGNALS: usize = 4096;

/// An object of a service on the bus.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// Name of the service.
    pub service: &'static str,
    /// Path of the object.
    pub path: &'static str,
    /// Its interface.
    pub interface: &'static str,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The bus or the service said so.
    #[error(transparent)]
    Bus(#[from] zbus::Error),
    /// A job did not end well.
    #[error("the job ended with `{0}`")]
    Job(String),
    /// There was no end in time.
    #[error("no answer within {} seconds", .0.as_secs())]
    Late(Duration),
}

impl CallError {
    /// Whether the service answered with the error of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Bus(zbus::Error::MethodError(error, _, _)) if error.as_str() == name)
    }

    pub(super) fn about(self, operation: &'static str, object: &str) -> HostError {
        let kind = match self {
            Self::Late(_) => io::ErrorKind::TimedOut,
            Self::Bus(_) | Self::Job(_) => io::ErrorKind::Other,
        };
        HostError::new(operation, object, io::Error::new(kind, self))
    }
}

#[derive(Debug, Clone)]
struct JobEnd {
    job: String,
    result: String,
}

/// A connection that is made when it is needed, with a thread of its own that reads from it.
pub(super) struct Bus {
    runtime: Option<Runtime>,
    connection: tokio::sync::Mutex<Option<Connection>>,
    jobs: broadcast::Sender<JobEnd>,
    forgotten: broadcast::Sender<String>,
    started: broadcast::Sender<String>,
}

impl Bus {
    pub(super) fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("dbus")
            .enable_all()
            .build()
            .map_err(|error| HostError::new("start", "the bus client", error))?;
        Ok(Self {
            runtime: Some(runtime),
            connection: tokio::sync::Mutex::new(None),
            jobs: broadcast::Sender::new(SIGNALS),
            forgotten: broadcast::Sender::new(SIGNALS),
            started: broadcast::Sender::new(SIGNALS),
        })
    }

    pub(super) fn forgotten(&self) -> broadcast::Receiver<String> {
        self.forgotten.subscribe()
    }

    pub(super) fn started(&self) -> broadcast::Receiver<String> {
        self.started.subscribe()
    }

    /// Runs a call to its end on this thread.
    pub(super) fn run<T>(
        &self,
        call: impl Future<Output = std::result::Result<T, CallError>>,
    ) -> std::result::Result<T, CallError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(call),
            None => Err(CallError::Job("the client is closed".to_owned())),
        }
    }

    /// The same, with an error that names operation and object.
    pub(super) fn block<T>(
        &self,
        operation: &'static str,
        object: &str,
        call: impl Future<Output = std::result::Result<T, CallError>>,
    ) -> Result<T> {
        self.run(call).map_err(|error| error.about(operation, object))
    }

    /// Calls a method.
    pub(super) async fn call<B>(
        &self,
        target: Target,
        member: &'static str,
        body: &B,
        patience: Duration,
    ) -> std::result::Result<Message, CallError>
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        let call = async {
            let connection = self.connection().await?;
            Ok(connection
                .call_method(Some(target.service), target.path, Some(target.interface), member, body)
                .await?)
        };
        tokio::time::timeout(patience, call).await.unwrap_or(Err(CallError::Late(patience)))
    }

    /// Reads a property.
    pub(super) async fn property(
        &self,
        service: &'static str,
        path: &str,
        interface: &'static str,
        name: &'static str,
    ) -> std::result::Result<OwnedVariant, CallError> {
        let call = async {
            let connection = self.connection().await?;
            let reply = connection
                .call_method(
                    Some(service),
                    path,
                    Some("org.freedesktop.DBus.Properties"),
                    "Get",
                    &(interface, name),
                )
                .await?;
            Ok(reply.body().deserialize::<OwnedVariant>()?)
        };
        tokio::time::timeout(CALL_PATIENCE, call).await.unwrap_or(Err(CallError::Late(CALL_PATIENCE)))
    }

    /// Calls a method that queues a job, and waits for the job's end.
    pub(super) async fn job<B>(
        &self,
        target: Target,
        member: &'static str,
        body: &B,
    ) -> std::result::Result<(), CallError>
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        // Before the call, since the job may end before its answer has been read.
        let mut ends = self.jobs.subscribe();
        let reply = self.call(target, member, body, CALL_PATIENCE).await?;
        let job: OwnedObjectPath = reply.body().deserialize()?;
        let connection = self.connection().await?;
        let end = async {
            loop {
                match ends.recv().await {
                    Ok(end) if end.job == job.as_str() => return Ok(end.result),
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        // The one that matters may be among the lost ones.
                        if !self.job_exists(job.as_str()).await {
                            return Ok("done".to_owned());
                        }
                    }
                    Err(broadcast::error::RecvError::Closed) => return Err(CallError::Late(JOB_PATIENCE)),
                }
            }
        };
        let result = tokio::select! {
            result = tokio::time::timeout(JOB_PATIENCE, end) => result.unwrap_or(Err(CallError::Late(JOB_PATIENCE)))?,
            () = connection.closed() => return Err(CallError::Job("connection lost".to_owned())),
        };
        match result.as_str() {
            "done" | "skipped" => Ok(()),
            _ => Err(CallError::Job(result)),
        }
    }

    async fn job_exists(&self, job: &str) -> bool {
        self.property(SYSTEMD.service, job, "org.freedesktop.systemd1.Job", "State").await.is_ok()
    }

    async fn connection(&self) -> std::result::Result<Connection, CallError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let connection = zbus::connection::Builder::system().build().await?;
        self.follow(&connection).await?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    /// Has systemd send its signals, and passes on those that somebody waits for.
    async fn follow(&self, connection: &Connection) -> std::result::Result<(), CallError> {
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(SYSTEMD.service)
            .path(SYSTEMD.path)
            .interface(SYSTEMD.interface)
            .build()?;
        let mut signals = MessageStream::for_match_rule(rule, connection, SIGNALS.try_into().ok()).await?;
        connection
            .call_method(Some(SYSTEMD.service), SYSTEMD.path, Some(SYSTEMD.interface), "Subscribe", &())
            .await?;
        let (jobs, forgotten, started) = (self.jobs.clone(), self.forgotten.clone(), self.started.clone());
        tokio::spawn(async move {
            while let Some(signal) = poll_fn(|context| Pin::new(&mut signals).poll_next(context)).await {
                let Ok(signal) = signal else { continue };
                pass_on(&signal, &jobs, &forgotten, &started);
            }
        });
        Ok(())
    }
}

fn pass_on(
    signal: &Message,
    jobs: &broadcast::Sender<JobEnd>,
    forgotten: &broadcast::Sender<String>,
    started: &broadcast::Sender<String>,
) {
    let header = signal.header();
    let body = signal.body();
    // Sending fails only if nobody waits.
    match header.member().map(zbus::names::MemberName::as_str) {
        Some("JobRemoved") => {
            if let Ok((_, job, unit, result)) = body.deserialize::<(u32, OwnedObjectPath, String, String)>() {
                if unit.strip_prefix("user-").and_then(|rest| rest.strip_suffix(".slice")).is_some() {
                    let _ = started.send(unit);
                }
                let _ = jobs.send(JobEnd { job: job.as_str().to_owned(), result });
            }
        }
        Some("UnitRemoved") => {
            if let Ok((unit, _)) = body.deserialize::<(String, OwnedObjectPath)>() {
                let _ = forgotten.send(unit);
            }
        }
        _ => {}
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // A plain drop waits for the threads, which is forbidden where the last owner may be a task.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
