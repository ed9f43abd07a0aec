//! What the models of an experiment are compared by.

/// What the models of an experiment are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Of test rows.
    LogLikelihood,
    /// The Fréchet distance of the model's samples to test rows, after training; models are not scored.
    Distance,
}

impl Measure {
    /// What tables call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Measure::LogLikelihood => "log-likelihood",
            Measure::Distance => "distance",
        }
    }
}
