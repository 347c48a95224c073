//! The web server: one configuration of our own, in which one server serves every standard site through the
//! host tree, and a server block for each site with settings of its own.
//!
//! [`config`] and [`block`] render text, [`candidate`] finds out which blocks nginx accepts, [`server`]
//! brings them to life, [`workers`] tells when it has, [`host_tree`] keeps the links that make a standard site.

pub mod block;
pub mod candidate;
pub mod config;
pub mod host_tree;
mod locations;
pub mod server;
mod workers;

/// Where everything of nginx's is that Berth writes.
pub const DIR: &str = "/etc/berth/nginx";
/// The configuration that nginx runs with.
pub const MAIN: &str = "/etc/berth/nginx/nginx.conf";
/// Files of the operator, included as they are.
pub const LOCAL_DIR: &str = "/etc/berth/nginx/local.d";
/// A configuration that nginx is only asked about.
pub const CANDIDATE_DIR: &str = "/etc/berth/nginx/candidate";
/// The candidate's main file.
pub const CANDIDATE_MAIN: &str = "/etc/berth/nginx/candidate/nginx.conf";
/// The candidate's server blocks.
pub const CANDIDATE_SITES: &str = "/etc/berth/nginx/candidate/sites";
/// Has Debian's unit use our configuration.
pub const DROP_IN_DIR: &str = "/etc/systemd/system/nginx.service.d";
/// The drop-in's file.
pub const DROP_IN: &str = "/etc/systemd/system/nginx.service.d/50-berth.conf";
/// Where nginx buffers large requests.
pub const SCRATCH_DIR: &str = "/var/lib/berth/nginx";
/// Debian's unit.
pub const UNIT: &str = "nginx.service";

#[cfg(test)]
pub(crate) mod tests;
