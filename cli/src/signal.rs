//! Ctrl-C and the signal to terminate.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, Result};

static RAISED: AtomicBool = AtomicBool::new(false);

/// Makes all runs stop at a checkpoint, as a signal does.
pub(crate) fn raise() {
    RAISED.store(true, Ordering::Relaxed);
}

/// Listens for signals from now on, and returns what turns true when one has come. A process has one handler, whatever
/// number of runs it carries out.
pub(crate) fn listen() -> Result<&'static AtomicBool> {
    static LISTENING: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let handle = || ctrlc::set_handler(|| RAISED.store(true, Ordering::Relaxed)).map_err(|error| error.to_string());
    match LISTENING.get_or_init(handle) {
        Ok(()) => Ok(&RAISED),
        Err(error) => Err(Failure::Failed(format!("signals cannot be handled: {error}"))),
    }
}
