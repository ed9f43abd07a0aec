//! A measurement of a run.

use missvae::snr::{Protocol, Signals};
use serde::{Deserialize, Serialize};

/// The measurement of an epoch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) protocol: Protocol,
    pub(super) epoch: u64,
    pub(super) signals: Signals,
    /// Number of gradients.
    pub(super) gradients: u64,
}

/// The name of a protocol on the command line.
pub(super) fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Epoch => "epoch",
        Protocol::Fixed => "fixed",
    }
}
