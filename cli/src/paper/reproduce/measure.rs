//! The measure that compares the models of an experiment.

/// The measure that compares the models of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// The log-likelihood of test rows.
    LogLikelihood,
    /// The Fréchet distance of the model's samples to test rows, after training; models are not scored.
    Distance,
}

impl Measure {
    /// Its name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Measure::LogLikelihood => "log-likelihood",
            Measure::Distance => "distance",
        }
    }
}
