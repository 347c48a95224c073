//! A network namespace per node, joined to the host by one pair of virtual interfaces; or, for a
//! virtual machine, one interface whose other end is its network card.
//!
//! There is no way further: a node reaches the host and nothing else.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::state::Instance;
use crate::process::Program;

/// The interface's name inside the node.
const INSIDE: &str = "host0";

fn interface(number: u8) -> String {
    format!("berth{number}")
}

fn namespace(number: u8) -> String {
    format!("berth-node{number}")
}

/// The address of this machine that the node sends everything to.
pub(crate) fn host_address(number: u8) -> String {
    format!("10.203.{number}.1")
}

/// An address of this machine that is not private to the node (RFC 5737, for documentation).
pub(crate) fn neighbour_address(number: u8) -> String {
    format!("198.51.100.{number}")
}

/// The node's own address.
pub(crate) fn node_address(number: u8) -> String {
    format!("10.203.{number}.2")
}

/// The path by which the container manager finds the namespace.
pub(crate) fn namespace_path(number: u8) -> PathBuf {
    Path::new("/run/netns").join(namespace(number))
}

/// Whether somebody else uses the interface or the namespace of this number.
pub(crate) fn occupied(number: u8) -> bool {
    Path::new("/sys/class/net").join(interface(number)).exists() || namespace_path(number).exists()
}

/// Makes the namespace anew.
pub(crate) fn create(instance: &Instance) -> Result<()> {
    let number = instance.number;
    remove(number)?;
    let (outside, space) = (interface(number), namespace(number));
    let (host, node) = (host_address(number), node_address(number));
    ip(&["netns", "add", &space])?;
    ip(&["link", "add", &outside, "type", "veth", "peer", "name", INSIDE, "netns", &space])?;
    ip(&["addr", "add", &format!("{host}/30"), "dev", &outside])?;
    ip(&["addr", "add", &format!("{}/32", neighbour_address(number)), "dev", &outside])?;
    ip(&["link", "set", &outside, "up"])?;
    ip(&["-n", &space, "addr", "add", &format!("{node}/30"), "dev", INSIDE])?;
    ip(&["-n", &space, "link", "set", "lo", "up"])?;
    ip(&["-n", &space, "link", "set", INSIDE, "up"])?;
    ip(&["-n", &space, "route", "add", "default", "via", &host])
}

/// Makes the host's end of the only network of a virtual machine.
pub(crate) fn create_tap(number: u8) -> Result<String> {
    remove(number)?;
    let outside = interface(number);
    ip(&["tuntap", "add", &outside, "mode", "tap"])?;
    ip(&["addr", "add", &format!("{}/30", host_address(number)), "dev", &outside])?;
    ip(&["link", "set", &outside, "up"])?;
    Ok(outside)
}

/// Removes the namespace and with it the interfaces, if they are there.
pub(crate) fn remove(number: u8) -> Result<()> {
    if namespace_path(number).exists() {
        ip(&["netns", "del", &namespace(number)])?;
    }
    // Interfaces die with their namespace only after the kernel has got round to it.
    let outside = interface(number);
    if Path::new("/sys/class/net").join(&outside).exists() {
        let deleted = ip(&["link", "del", &outside]);
        if Path::new("/sys/class/net").join(&outside).exists() {
            return deleted;
        }
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    Program::new("ip").args(arguments).output()?;
    Ok(())
}
