//! logind: lingering and sessions.

use zbus::OwnedObjectPath;

use super::bus::{Bus, CALL_PATIENCE, CallError, Target};

const LOGIND: Target = Target {
    service: "org.freedesktop.login1",
    path: "/org/freedesktop/login1",
    interface: "org.freedesktop.login1.Manager",
};

/// Switches lingering of a user on or off.
pub(super) async fn set_linger(bus: &Bus, uid: u32, on: bool) -> Result<(), CallError> {
    let ask_somebody = false;
    bus.call(LOGIND, "SetUserLinger", &(uid, on, ask_somebody), CALL_PATIENCE).await.map(drop)
}

/// Ends the sessions of a user that a service opened; says how many.
pub(super) async fn end_sessions(bus: &Bus, uid: u32, service: &str) -> Result<usize, CallError> {
    let reply = bus.call(LOGIND, "ListSessions", &(), CALL_PATIENCE).await?;
    let sessions: Vec<(String, u32, String, String, OwnedObjectPath)> = reply.body().deserialize()?;
    let mut ended = 0;
    for (id, _, _, _, path) in sessions.into_iter().filter(|(_, owner, ..)| *owner == uid) {
        let opened_by =
            bus.property(LOGIND.service, path.as_str(), "org.freedesktop.login1.Session", "Service").await;
        // A session that ended meanwhile has no properties any more.
        if opened_by.is_ok_and(|value| String::try_from(value).is_ok_and(|name| name == service)) {
            match bus.call(LOGIND, "TerminateSession", &(id,), CALL_PATIENCE).await {
                Ok(_) => ended += 1,
                Err(error) if error.is("org.freedesktop.login1.NoSuchSession") => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(ended)
}
