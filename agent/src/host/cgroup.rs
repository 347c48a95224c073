//! What the kernel shows of control groups (`cgroups(7)`, version 2).

/// The file that names the controllers that there are.
pub const CONTROLLERS: &str = "/sys/fs/cgroup/cgroup.controllers";

/// The controllers that the limits of a package need.
pub const NEEDED: [&str; 4] = ["cpu", "io", "memory", "pids"];

/// What to do where some are missing.
pub const ADVICE: &str = "boot a kernel that has them, and give them to the container if this is one; for memory, \
                          take cgroup_disable=memory off the kernel's command line";

/// The needed controllers that the text of [`CONTROLLERS`] does not name.
pub fn missing(text: &str) -> Vec<&'static str> {
    let present: Vec<&str> = text.split_whitespace().collect();
    NEEDED.into_iter().filter(|name| !present.contains(name)).collect()
}
