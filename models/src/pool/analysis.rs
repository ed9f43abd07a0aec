//! An analysis of completed tables, and what it gives.

use super::design::Design;
use super::error::{Error, Problem};
use super::formula::Formula;
use super::frame::FrameColumn;
use super::linear::linear;
use super::logistic::logistic;
use super::rules::{Term, pooled};
use super::warning::Warning;
use crate::table::Table;

/// What the response is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum Family {
    /// Numbers: linear regression
    #[default]
    Gaussian,
    /// 0 and 1, or two texts of which the second in the order of the alphabet is the success: logistic regression
    Binomial,
}

impl Family {
    /// Its name, as in R and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Family::Gaussian => "gaussian",
            Family::Binomial => "binomial",
        }
    }
}

/// A regression that is run on every completed table and pooled by Rubin's rules.
///
/// ```
/// use missvae::pool::Analysis;
/// use missvae::{Fit, Table};
///
/// # fn main() -> Result<(), missvae::Error> {
/// let table = Table::penguins();
/// let model = Fit::new().hidden(32).epochs(3).seed(1).run(&table)?;
/// let draws = model.impute(&table).draws(5).run()?;
/// let pooled = Analysis::new("`Body Mass (g)` ~ `Flipper Length (mm)`")?.run(&draws)?;
/// for term in &pooled.terms {
///     println!("{}: {:.1}, from {:.1} to {:.1}", term.term, term.estimate, term.conf_low, term.conf_high);
/// }
/// assert_eq!(pooled.terms[1].term, "`Flipper Length (mm)`");
/// assert!(pooled.terms[1].conf_low > 40.0, "grams a millimetre");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Analysis {
    formula: Formula,
    family: Family,
    level: f64,
}

/// A pooled regression.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pooled {
    /// The coefficients, in the order of R's model matrix.
    pub terms: Vec<Term>,
    /// Rows of each table.
    pub rows: usize,
    /// The text that is the success of a logistic regression; none if the response is 0 and 1.
    pub success: Option<String>,
    /// What may be wrong with the result.
    pub warnings: Vec<Warning>,
}

impl Analysis {
    /// A linear regression with confidence intervals of 95%. See [`Formula`] for what can be written.
    ///
    /// # Errors
    /// [`Error::Formula`].
    pub fn new(formula: &str) -> Result<Analysis, Error> {
        Ok(Analysis { formula: formula.parse()?, family: Family::Gaussian, level: 0.95 })
    }

    /// A regression of this family.
    pub fn family(mut self, family: Family) -> Analysis {
        self.family = family;
        self
    }

    /// The confidence of the intervals, between 0 and 1.
    pub fn level(mut self, level: f64) -> Analysis {
        self.level = level;
        self
    }

    /// The formula.
    pub fn formula(&self) -> &Formula {
        &self.formula
    }

    /// Checks what needs no table. [`Analysis::run`] does it, too.
    ///
    /// # Errors
    /// [`Error::Level`].
    pub fn check(&self) -> Result<(), Error> {
        match self.level > 0.0 && self.level < 1.0 {
            true => Ok(()),
            false => Err(Error::Level { level: self.level }),
        }
    }

    /// Runs the regression on every table and pools the estimates. The tables need the columns of the formula, complete; others do
    /// not matter. A column of texts is a factor: its levels are those of all tables in the order of their characters (Unicode),
    /// and the first is the reference. Dates are days since 1970.
    ///
    /// # Errors
    /// If there are fewer than two tables, or they differ in rows; [`Error::InTable`] for a table that cannot be analysed, such as
    /// one with a missing cell, with terms that depend on each other, or with separated successes.
    pub fn run(&self, tables: &[Table]) -> Result<Pooled, Error> {
        self.check()?;
        let [first, _, ..] = tables else { return Err(Error::FewTables { tables: tables.len() }) };
        let rows = first.rows();
        if let Some(place) = tables.iter().position(|table| table.rows() != rows) {
            return Err(Problem::Rows { found: tables[place].rows(), expected: rows }.of(place));
        }
        let response = FrameColumn::new(tables, self.formula.response(), false)?;
        let success = self.success(&response)?;
        let variables = self.formula.variables().iter();
        let frame: Vec<FrameColumn> = variables
            .map(|variable| FrameColumn::new(tables, &variable.name, variable.factor))
            .collect::<Result<_, Error>>()?;
        let design = Design::new(&self.formula, &frame)?;
        let coefficients = design.width();
        let mut fits = Vec::with_capacity(tables.len());
        for place in 0..tables.len() {
            if rows <= coefficients {
                return Err(Problem::FewRows { rows, coefficients }.of(place));
            }
            let y = response.values(tables, place);
            let data: Vec<Vec<f64>> = frame.iter().map(|column| column.values(tables, place)).collect();
            let fit = match self.family {
                Family::Gaussian => linear(&design, &data, &y),
                Family::Binomial => check_binary(&y, &response.name).and_then(|()| logistic(&design, &data, &y)),
            };
            fits.push(fit.map_err(|problem| problem.of(place))?);
        }
        let names = (0..coefficients).map(|column| design.name(column)).collect();
        let terms = pooled(&fits, names, rows, self.level);
        let (suspicious, of) = (fits.iter().filter(|fit| fit.suspicious).count(), fits.len());
        let mut warnings = Vec::new();
        match self.family {
            _ if suspicious == 0 => {}
            Family::Gaussian => warnings.push(Warning::PerfectFit { tables: suspicious, of }),
            Family::Binomial => warnings.push(Warning::ExtremeProbabilities { tables: suspicious, of }),
        }
        if terms.iter().all(|term| term.b == 0.0) {
            warnings.push(Warning::SameTables);
        }
        Ok(Pooled { terms, rows, success, warnings })
    }

    /// The level of a text that is the success.
    fn success(&self, response: &FrameColumn) -> Result<Option<String>, Error> {
        let column = response.name.clone();
        match (self.family, response.levels.as_deref()) {
            (_, None) => Ok(None),
            (Family::Gaussian, Some(levels)) => Err(Error::TextResponse { column, levels: levels.len() }),
            (Family::Binomial, Some([_, success])) => Ok(Some(success.clone())),
            (Family::Binomial, Some(levels)) => Err(Error::Levels { column, levels: levels.to_vec() }),
        }
    }
}

/// Refuses other numbers than 0 and 1.
fn check_binary(y: &[f64], column: &str) -> Result<(), Problem> {
    match y.iter().position(|y| *y != 0.0 && *y != 1.0) {
        Some(row) => Err(Problem::NotBinary { row: row + 1, column: column.to_owned(), value: y[row] }),
        None => Ok(()),
    }
}
