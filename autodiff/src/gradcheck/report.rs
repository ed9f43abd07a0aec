//! What a check found.

use std::fmt;

/// Which derivative was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// That of one output element with respect to one input element (of the flat parameter buffer, input 0, for
    /// [`check_objective`](super::check_objective)).
    Element {
        /// Element of the output.
        output: usize,
        /// Number of the input.
        input: usize,
        /// Element of the input.
        element: usize,
    },
    /// That of a random combination of the outputs along a random direction of all inputs; which of them.
    Direction(usize),
}

/// A derivative, twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Which.
    pub place: Place,
    /// From backward.
    pub analytic: f64,
    /// From differences of forward.
    pub numeric: f64,
    /// |analytic − numeric| in units of the larger of the two (see [`check`](super::check)).
    pub error: f64,
}

/// The outcome of a gradient check.
#[derive(Clone, Debug)]
pub struct Report {
    /// Largest error of all comparisons; infinite where a derivative was not finite.
    pub max_error: f64,
    /// Where that was. None if nothing was compared: no output, or no input, has any element.
    pub worst: Option<Comparison>,
    /// Number of comparisons.
    pub compared: usize,
    /// Largest error that passes.
    pub tolerance: f64,
    /// Whether there was nothing to compare: no output, or no input, has any element.
    pub empty: bool,
    /// What differed from run to run, or from one set of wanted inputs to another, though it should not.
    pub inconsistencies: Vec<String>,
}

impl Report {
    pub(super) fn new(tolerance: f64) -> Self {
        Report { max_error: 0.0, worst: None, compared: 0, tolerance, empty: false, inconsistencies: Vec::new() }
    }

    /// Records one comparison; magnitudes below `floor` count as `floor`.
    pub(super) fn compare(&mut self, place: Place, analytic: f64, numeric: f64, floor: f64) {
        let relative = (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(floor);
        let error = if relative.is_finite() { relative } else { f64::INFINITY };
        self.compared += 1;
        if self.worst.is_none() || error > self.max_error {
            self.max_error = error;
            self.worst = Some(Comparison { place, analytic, numeric, error });
        }
    }

    /// Whether all derivatives agree and nothing was inconsistent. False if nothing was compared.
    pub fn passed(&self) -> bool {
        self.compared > 0 && self.max_error <= self.tolerance && self.inconsistencies.is_empty()
    }

    /// # Panics
    /// With the report, unless it passed.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.passed(), "{self}");
    }

    /// As [`assert`](Self::assert), for tests on shapes of any size: values without an element have no derivative, and only
    /// that both passes run and agree from run to run is asked of them.
    ///
    /// # Panics
    /// With the report, unless it passed or was empty and consistent.
    #[track_caller]
    pub fn assert_unless_empty(&self) {
        if self.empty {
            assert!(self.compared == 0 && self.inconsistencies.is_empty(), "{self}");
        } else {
            self.assert();
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed() { "passed" } else { "FAILED" };
        write!(f, "gradient check {verdict}: {} derivatives", self.compared)?;
        if let Some(Comparison { place, analytic, numeric, error }) = self.worst {
            write!(f, ", largest error {error:.2e} (tolerance {:.1e}) ", self.tolerance)?;
            match place {
                Place::Element { output, input, element } => {
                    write!(f, "of output element {output} by element {element} of input {input}")?;
                }
                Place::Direction(number) => write!(f, "along random direction {number}")?,
            }
            write!(f, ": analytic {analytic:e}, numeric {numeric:e}")?;
        }
        for inconsistency in &self.inconsistencies {
            write!(f, "; {inconsistency}")?;
        }
        Ok(())
    }
}
