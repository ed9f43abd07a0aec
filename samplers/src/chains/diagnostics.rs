//! Diagnostics of chains.

/// Sums over updates. They can be added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ChainDiagnostics {
    /// Cells whose draw was not finite, or that had nothing to draw from, and kept their previous value.
    pub replaced: u64,
    /// Proposals that could be accepted or rejected.
    pub proposed: u64,
    /// Proposals that were accepted.
    pub accepted: u64,
    /// Proposals whose density was above an envelope that should have bounded it.
    pub envelope_violations: u64,
    /// Effective sample sizes, summed.
    pub effective_samples: f64,
    /// Number of effective sample sizes in the sum: rows with missing cells × iterations.
    pub weightings: u64,
}

impl ChainDiagnostics {
    /// Share of the proposals that were accepted; `None` if there were none.
    pub fn acceptance_rate(&self) -> Option<f64> {
        (self.proposed > 0).then(|| self.accepted as f64 / self.proposed as f64)
    }

    /// (Σw)²/Σw² of the normalised weights of a row, averaged over rows with missing cells and iterations; `None` if
    /// nothing was weighted.
    pub fn effective_sample_size(&self) -> Option<f64> {
        (self.weightings > 0).then(|| self.effective_samples / self.weightings as f64)
    }

    /// Adds the sums of `other`.
    pub fn merge(&mut self, other: &ChainDiagnostics) {
        self.replaced += other.replaced;
        self.proposed += other.proposed;
        self.accepted += other.accepted;
        self.envelope_violations += other.envelope_violations;
        self.effective_samples += other.effective_samples;
        self.weightings += other.weightings;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_merged_sums() {
        let mut total = ChainDiagnostics::default();
        assert_eq!((total.acceptance_rate(), total.effective_sample_size()), (None, None));
        let one = ChainDiagnostics { replaced: 2, proposed: 8, accepted: 6, ..ChainDiagnostics::default() };
        total.merge(&one);
        total.merge(&ChainDiagnostics { proposed: 8, effective_samples: 9.0, weightings: 2, ..one });
        assert_eq!((total.acceptance_rate(), total.effective_sample_size()), (Some(0.75), Some(4.5)));
        assert_eq!((total.replaced, total.envelope_violations), (4, 0));
    }
}
