//! Bars of progress.

use indicatif::ProgressBar;

/// What shows how many updates are made.
#[derive(Clone, Debug)]
pub(crate) enum Bar {
    /// A bar for one run.
    Own(ProgressBar),
    /// A bar for several runs: one of them says nothing but how far it is.
    #[cfg_attr(not(feature = "paper"), expect(dead_code))]
    Shared(ProgressBar),
}

impl Bar {
    /// Begins where a run goes on from.
    pub(super) fn begin(&self, updates: u64) {
        self.advance(updates);
        if let Bar::Own(bar) = self {
            bar.reset_eta();
        }
    }

    /// So many more updates are made.
    pub(super) fn advance(&self, updates: u64) {
        let (Bar::Own(bar) | Bar::Shared(bar)) = self;
        bar.inc(updates);
    }
}
