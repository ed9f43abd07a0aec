//! The program's entry.

/// The system's allocator, which counts: `missvae bench` reports the allocations of a training step.
#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn main() -> std::process::ExitCode {
    missvae_cli::main()
}
