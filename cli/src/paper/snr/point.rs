//! A measurement of a run.

use missvae::snr::{Protocol, Signals};
use serde::{Deserialize, Serialize};

/// What was measured in or after an epoch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) protocol: Protocol,
    pub(super) epoch: u64,
    pub(super) signals: Signals,
    /// Gradients.
    pub(super) gradients: u64,
}

/// What the command line calls a protocol.
pub(super) fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Epoch => "epoch",
        Protocol::Fixed => "fixed",
    }
}
