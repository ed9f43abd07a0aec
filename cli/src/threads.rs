//! Pools of threads.

use crate::args::Common;
use crate::failure::{Failure, Result};

/// The most threads that can be asked for.
pub(crate) const MOST_THREADS: usize = 1024;

/// Refuses too many threads.
pub(crate) fn check_threads(common: &Common) -> Result<()> {
    match common.threads.filter(|threads| !(1..=MOST_THREADS).contains(threads)) {
        Some(threads) => Err(Failure::usage(format!("--threads {threads}: expected from 1 to {MOST_THREADS}"))),
        None => Ok(()),
    }
}

/// Runs `work` in a pool of the requested number of threads.
pub(crate) fn in_pool<R: Send>(common: &Common, work: impl FnOnce() -> Result<R> + Send) -> Result<R> {
    pool(common.threads.unwrap_or(0))?.install(work)
}

/// A pool of so many threads; of all cores for 0.
pub(crate) fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| Failure::Failed(format!("the threads could not be started: {error}")))
}
