//! The number of runs at a time, and their threads.

use super::args::ReproduceArgs;
use crate::failure::{Failure, Result};
use crate::threads::MOST_THREADS;

/// Runs at a time, and the threads of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workers {
    pub(super) jobs: usize,
    pub(super) threads: usize,
}

impl Workers {
    /// Unless it is said otherwise, one thread a run, and as many runs as there are threads: small networks gain little
    /// from a second thread. Networks of images gain much, and take gigabytes each: all threads for one run at a time.
    pub(super) fn new(args: &ReproduceArgs, images: bool) -> Result<Workers> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = args.common.threads.unwrap_or(cores);
        let jobs = args.jobs.unwrap_or(if images { 1 } else { threads });
        if jobs == 0 || jobs > MOST_THREADS {
            return Err(Failure::usage(format!("--jobs {jobs}: expected from 1 to {}", MOST_THREADS)));
        }
        Ok(Workers { jobs, threads: (threads / jobs).max(1) })
    }

    /// A pool for one run.
    pub(super) fn pool(&self) -> Result<rayon::ThreadPool> {
        crate::threads::pool(self.threads)
    }

    /// A pool for the work after all runs.
    pub(super) fn whole_pool(&self) -> Result<rayon::ThreadPool> {
        crate::threads::pool(self.jobs * self.threads)
    }
}
