//! Ctrl-C and the signal to terminate.

use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use missvae::files::abandon_unfinished;

use crate::failure::{Failure, Result};

static RAISED: AtomicBool = AtomicBool::new(false);
static RELEASED: OnceLock<&str> = OnceLock::new();

/// Makes all runs stop at a checkpoint, as a signal does.
#[cfg(feature = "paper")]
pub(crate) fn raise() {
    RAISED.store(true, Ordering::Relaxed);
}

/// Whether to go on: true until a signal comes, if signals are listened for.
pub(crate) fn progress() -> ControlFlow<()> {
    if RAISED.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// From now on a signal ends the process at once, since nothing would be lost; `what` is said of it. Files that are being
/// written go.
pub(crate) fn release(what: &'static str) {
    // A process releases once.
    let _ = RELEASED.set(what);
}

/// Listens for signals from now on, and returns a flag that turns true when one comes. A process has one handler for
/// all its runs.
pub(crate) fn listen() -> Result<&'static AtomicBool> {
    static LISTENING: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let handle = || ctrlc::set_handler(react).map_err(|error| error.to_string());
    match LISTENING.get_or_init(handle) {
        Ok(()) => Ok(&RAISED),
        Err(error) => Err(Failure::Failed(format!("signals cannot be handled: {error}"))),
    }
}

fn react() {
    RAISED.store(true, Ordering::Relaxed);
    if let Some(what) = RELEASED.get() {
        abandon_unfinished();
        let failure = Failure::Interrupted((*what).to_owned());
        failure.print();
        std::process::exit(i32::from(failure.exit_code()));
    }
}
