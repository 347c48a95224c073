//! The transient unit that a tenant's PHP runs in.

use zbus::{Fd, Variant};

use crate::host::systemd::PhpUnit;
use crate::host::{HostError, Result};

/// Descriptor that the first extra one gets (`sd_listen_fds(3)`).
const FIRST_DESCRIPTOR: u32 = 3;
const SIGQUIT: i32 = 3;
const SECOND: u64 = 1_000_000;
const AF_UNIX: &str = "AF_UNIX";

/// Everything of Berth's that PHP could see. It sees none of it; its own configuration is put back.
const OURS: &str = "/etc/berth";
const HIDDEN: [&str; 2] = ["-/var/lib/berth", "-/run/berth"];

/// The properties of the unit (`org.freedesktop.systemd1(5)`, `systemd.exec(5)`).
pub(super) fn properties<'a>(unit: &'a PhpUnit<'a>) -> Result<Vec<(&'static str, Variant<'a>)>> {
    let listener = Fd::from(unit.listener)
        .try_to_owned()
        .map_err(|error| HostError::because("start", unit.name, error.to_string()))?;
    let mut command = vec![unit.program, "--nodaemonize", "--fpm-config", unit.config];
    command.extend(unit.settings.iter().flat_map(|setting| ["-d", setting]));
    let yes = |name: &'static str| (name, Variant::from(true));
    Ok(vec![
        ("Description", Variant::from(format!("PHP of {}", unit.user))),
        ("Slice", Variant::from(unit.slice)),
        ("User", Variant::from(unit.user)),
        ("Group", Variant::from(unit.user)),
        ("Type", Variant::from("notify")),
        ("NotifyAccess", Variant::from("main")),
        ("ExecStart", Variant::from(vec![(unit.program, command, false)])),
        ("Environment", Variant::from(vec![format!("FPM_SOCKETS={}={FIRST_DESCRIPTOR}", unit.socket)])),
        ("ExtraFileDescriptors", Variant::from(vec![(listener, "listener")])),
        ("WorkingDirectory", Variant::from("/")),
        ("UMask", Variant::from(0o022_u32)),
        ("SyslogIdentifier", Variant::from(format!("php-fpm/{}", unit.user))),
        // It ends without trace, however it ended: whoever wants the next request started starts it anew.
        ("CollectMode", Variant::from("inactive-or-failed")),
        ("TimeoutStartUSec", Variant::from(20 * SECOND)),
        // Graceful: requests that run get the pool's 20 seconds, then everything that is left is killed.
        ("KillMode", Variant::from("mixed")),
        ("KillSignal", Variant::from(SIGQUIT)),
        ("TimeoutStopUSec", Variant::from(25 * SECOND)),
        // One request that takes too much memory does not end the others.
        ("OOMPolicy", Variant::from("continue")),
        ("ProtectSystem", Variant::from("strict")),
        ("ReadWritePaths", Variant::from(vec![unit.home])),
        ("TemporaryFileSystem", Variant::from(vec![(OURS, "ro,mode=0711")])),
        ("BindReadOnlyPaths", Variant::from(vec![(unit.config, unit.config, false, 0_u64)])),
        ("InaccessiblePaths", Variant::from(HIDDEN.to_vec())),
        ("ProtectProc", Variant::from("invisible")),
        (
            "RestrictAddressFamilies",
            Variant::from((true, vec![AF_UNIX, "AF_INET", "AF_INET6", "AF_NETLINK"])),
        ),
        ("RestrictNamespaces", Variant::from(0_u64)),
        ("SystemCallArchitectures", Variant::from(vec!["native"])),
        yes("PrivateTmp"),
        yes("PrivateDevices"),
        yes("NoNewPrivileges"),
        yes("RestrictSUIDSGID"),
        yes("RestrictRealtime"),
        yes("LockPersonality"),
        yes("ProtectClock"),
        yes("ProtectHostname"),
        yes("ProtectControlGroups"),
        yes("ProtectKernelLogs"),
        yes("ProtectKernelModules"),
        yes("ProtectKernelTunables"),
    ])
}
