//! What the benchmarks time, and what they measure it by.
//!
//! In the order in which a reader needs them:
//! - [`config`]: the timed configurations, and the floating-point operations of their matrix products;
//! - [`training`]: whole training steps, timed one by one;
//! - [`peak`]: the rate of fused multiply-adds that the processor cannot exceed.
//!
//! `benches/step.rs` hands the steps to criterion, `examples/step_times.rs` prints them for comparison with the peers of
//! `peers/`.

pub mod config;
pub mod peak;
pub mod training;
