//! Bars of progress.

use indicatif::ProgressBar;

/// A display of the updates that are made.
#[derive(Clone, Debug)]
pub(crate) enum Bar {
    /// A bar for one run.
    Own(ProgressBar),
    /// A bar that several runs share. A run only advances it.
    #[cfg_attr(not(feature = "paper"), expect(dead_code))]
    Shared(ProgressBar),
}

impl Bar {
    /// Starts at the update that a run continues from.
    pub(super) fn begin(&self, updates: u64) {
        self.advance(updates);
        if let Bar::Own(bar) = self {
            bar.reset_eta();
        }
    }

    /// Adds updates that are made.
    pub(super) fn advance(&self, updates: u64) {
        let (Bar::Own(bar) | Bar::Shared(bar)) = self;
        bar.inc(updates);
    }
}
