//! From a package's limits to those of a slice.

use berth_core::package::{Bound, Bounds};

use crate::host::systemd::SliceLimits;

const MIB: u64 = 1 << 20;

/// The least that lets the SSH server and PHP start at all. A package below that would not limit a tenant, but
/// break them.
const CPU_LEAST: u64 = 5;
const MEMORY_LEAST: u64 = 64;
const TASKS_LEAST: u64 = 20;

/// The limits of a slice, by a package's.
pub(super) fn of(bounds: &Bounds) -> SliceLimits {
    let at_least = |bound, least: u64| match bound {
        Bound::Unlimited => None,
        Bound::Max(max) => Some(max.max(least)),
    };
    let memory = at_least(bounds.memory_mb, MEMORY_LEAST);
    // What is more than a number can say is no limit.
    SliceLimits {
        cpu: at_least(bounds.cpu_percent, CPU_LEAST).and_then(|percent| percent.checked_mul(10_000)),
        // Above this the kernel slows the tenant down and takes memory back, before it ends processes. Whole
        // MiB, since the kernel rounds to its pages.
        memory_high: memory.and_then(|max| (max - max.div_ceil(10)).checked_mul(MIB)),
        memory_max: memory.and_then(|max| max.checked_mul(MIB)),
        tasks: at_least(bounds.tasks, TASKS_LEAST),
        io: at_least(bounds.io_mb_per_second, 1).and_then(|max| max.checked_mul(MIB)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::kernel::Values;
    use super::*;

    fn bound() -> impl Strategy<Value = Bound> {
        prop_oneof![
            Just(Bound::Unlimited),
            any::<u64>().prop_map(Bound::Max),
            (0..10_000_u64).prop_map(Bound::Max)
        ]
    }

    proptest! {
        #[test]
        fn a_tenant_can_always_start_and_is_never_given_more(
            (cpu, memory, tasks, io) in (bound(), bound(), bound(), bound())
        ) {
            let bounds = Bounds {
                cpu_percent: cpu, memory_mb: memory, tasks, io_mb_per_second: io, ..Bounds::default()
            };
            let limits = of(&bounds);
            prop_assert!(limits.cpu.is_none_or(|cpu| cpu >= 50_000));
            prop_assert!(limits.memory_high.is_none_or(|high| high >= 57 * MIB));
            prop_assert!(limits.tasks.is_none_or(|tasks| tasks >= 20));
            prop_assert!(limits.memory_high <= limits.memory_max);
            let within = |limit: Option<u64>, bound: Bound, unit: u64, least: u64| match (limit, bound) {
                (None, Bound::Unlimited) => true,
                (None, Bound::Max(max)) => max.checked_mul(unit).is_none(),
                (Some(_), Bound::Unlimited) => false,
                (Some(limit), Bound::Max(max)) => limit <= max.max(least) * unit,
            };
            prop_assert!(within(limits.cpu, cpu, 10_000, CPU_LEAST));
            prop_assert!(within(limits.memory_max, memory, MIB, MEMORY_LEAST));
            prop_assert!(within(limits.tasks, tasks, 1, TASKS_LEAST));
            prop_assert!(within(limits.io, io, MIB, 1));
        }

        #[test]
        fn what_the_kernel_is_told_it_says_again(
            (cpu, memory, tasks, io) in (bound(), bound(), bound(), bound())
        ) {
            let bounds = Bounds {
                cpu_percent: cpu, memory_mb: memory, tasks, io_mb_per_second: io, ..Bounds::default()
            };
            let limits = of(&bounds);
            let files = limits.kernel_files("8:0");
            let of = |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.as_str());
            let values = Values::parse(of);
            prop_assert!(values.agree_with(&limits, &[]), "{:?} {:?}", files, values);
        }
    }
}
