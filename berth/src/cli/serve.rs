//! `berth serve`

use super::{Global, failed, load, service};
use crate::failure::Failure;

/// Runs the server until it is told to stop.
pub(crate) fn run(global: &Global) -> Result<(), Failure> {
    let config = load(&global.config)?;
    service(berth_server::serve(config)).map_err(|error| failed("serve", &error))
}
