//! What the benchmarks time, and what they measure it by.
//!
//! [`config`] has the timed configurations, and the floating-point operations of their matrix products; the steps are those
//! of [`missvae::timing`]. `benches/step.rs` hands the steps to criterion, `examples/step_times.rs` prints them for comparison with the peers of
//! `peers/`.

pub mod config;
