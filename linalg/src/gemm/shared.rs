//! Jobs that threads share.

/// A piece of work that is described by raw pointers.
///
/// # Safety
/// A copy may go to another thread: the type holds sizes, shared references to scalars and pointers to scalars, nothing that
/// belongs to a thread. What the pointers are used for is the matter of [`Shared::new`].
pub(super) unsafe trait Job: Copy {}

/// A job that several threads may take copies of.
#[derive(Clone, Copy)]
pub(super) struct Shared<J>(J);

// SAFETY: copies of a `Job` may go to other threads, and a shared one gives nothing else away.
unsafe impl<J: Job> Sync for Shared<J> {}

impl<J: Job> Shared<J> {
    /// Shares a job.
    ///
    /// # Safety
    /// While any thread runs a part of the job, what its pointers read must be readable, and each element that a part writes
    /// must be accessed by no other part and by nobody else.
    pub(super) unsafe fn new(job: J) -> Self {
        Self(job)
    }

    /// A copy.
    pub(super) fn get(&self) -> J {
        self.0
    }
}
