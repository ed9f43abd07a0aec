//! Formulas as in R: `y ~ x1 + x2*g`.
//!
//! The files from the bottom up: `error`, `token`, `parse`.

mod error;
mod parse;
mod token;

use std::fmt;
use std::str::FromStr;

pub use error::{FormulaError, FormulaProblem};
pub(crate) use parse::Variable;
use parse::parse;
pub(crate) use token::written;

/// What is regressed on what.
///
/// `y ~ a + b` has the terms a and b beside the intercept; `a:b` is the interaction of both, and `a*b` is `a + b + a:b`. `y ~ 1`
/// is a mean. `- 1` or `+ 0` takes the intercept away, and `- a` a term. `(a + b)^2` has all interactions of two, and
/// `factor(a)` takes the numbers of a column as levels. A name with blanks or signs stands in backticks. Terms come in R's order:
/// those of one variable first, then those of two, and so on.
///
/// ```
/// use missvae::pool::Formula;
///
/// let formula: Formula = "`Body Mass (g)` ~ Sex * `Flipper Length (mm)`".parse()?;
/// assert_eq!(formula.response(), "Body Mass (g)");
/// assert_eq!(formula.columns(), ["Body Mass (g)", "Sex", "Flipper Length (mm)"]);
/// # Ok::<(), missvae::pool::FormulaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula {
    text: String,
    response: String,
    variables: Vec<Variable>,
    terms: Vec<Vec<usize>>,
    intercept: bool,
}

impl Formula {
    /// The column that is regressed.
    pub fn response(&self) -> &str {
        &self.response
    }

    /// The columns that a table needs, each once: the response, and then those of the terms.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = vec![self.response()];
        for variable in &self.variables {
            if !columns.contains(&&variable.name[..]) {
                columns.push(&variable.name);
            }
        }
        columns
    }

    /// The variables of the terms, in the order in which they occur.
    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The terms, each a set of variables by their places.
    pub(crate) fn terms(&self) -> &[Vec<usize>] {
        &self.terms
    }

    /// Whether there is an intercept.
    pub(crate) fn intercept(&self) -> bool {
        self.intercept
    }
}

impl FromStr for Formula {
    type Err = FormulaError;

    fn from_str(text: &str) -> Result<Formula, FormulaError> {
        let parsed = parse(text).map_err(|(at, problem)| FormulaError { formula: text.to_owned(), at, problem })?;
        let mut terms = parsed.sum.terms;
        // Stable: terms of one length stay in their order.
        terms.sort_by_key(Vec::len);
        let intercept = parsed.sum.intercept.unwrap_or(true);
        // A variable whose terms were taken away again is not needed.
        let used: Vec<usize> =
            (0..parsed.variables.len()).filter(|place| terms.iter().any(|term| term.contains(place))).collect();
        let variables = used.iter().map(|&place| parsed.variables[place].clone()).collect();
        terms.iter_mut().flatten().for_each(|place| *place = used.partition_point(|other| other < place));
        Ok(Formula { text: text.to_owned(), response: parsed.response, variables, terms, intercept })
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim())
    }
}

#[cfg(test)]
mod tests;
