//! The limits of a slice as properties of systemd.

use berth_core::layout::HOME_ROOT;
use zbus::Variant;

use crate::host::systemd::SliceLimits;

/// The properties (`systemd.resource-control(5)`). To systemd the largest number is no limit.
pub(super) fn properties(limits: &SliceLimits) -> Vec<(&'static str, Variant<'static>)> {
    let number = |limit: Option<u64>| Variant::from(limit.unwrap_or(u64::MAX));
    // systemd finds the device by any path on it.
    let rate = || Variant::from(vec![(HOME_ROOT, limits.io.unwrap_or(u64::MAX))]);
    vec![
        ("CPUQuotaPerSecUSec", number(limits.cpu)),
        ("MemoryHigh", number(limits.memory_high)),
        ("MemoryMax", number(limits.memory_max)),
        ("TasksMax", number(limits.tasks)),
        ("IOReadBandwidthMax", rate()),
        ("IOWriteBandwidthMax", rate()),
    ]
}
