//! The columns of the regression: intercept, numbers, indicators of levels, and products of these, named as in R.

use super::error::Error;
use super::formula::{Formula, written};
use super::frame::FrameColumn;

/// The most coefficients: the factor of so many has a million numbers.
const MOST: usize = 1000;

/// What a row's numbers are made of.
pub(super) struct Design {
    columns: Vec<DesignColumn>,
}

/// The product of some variables, each by its place: the number, or whether the level is this one.
struct DesignColumn {
    name: String,
    factors: Vec<(usize, Option<usize>)>,
}

impl Design {
    /// The columns for a formula, whose variables are `frame`.
    ///
    /// A factor has an indicator for every level but the first (treatment contrasts), or for all levels where the model lacks what
    /// is left of the term without the factor. The rules are R's (`TermCode` and `modelmatrix` of its `model.c`).
    ///
    /// # Errors
    /// [`Error::OneLevel`], [`Error::ManyCoefficients`].
    pub(super) fn new(formula: &Formula, frame: &[FrameColumn]) -> Result<Design, Error> {
        let terms = formula.terms();
        for column in frame {
            if let Some([level]) = column.levels.as_deref() {
                return Err(Error::OneLevel { column: column.name.clone(), level: level.clone() });
            }
        }
        let intercept = DesignColumn { name: "(Intercept)".to_owned(), factors: Vec::new() };
        let mut columns: Vec<DesignColumn> = formula.intercept().then_some(intercept).into_iter().collect();
        // Without an intercept the first factor has all its levels.
        let mut whole = !formula.intercept();
        for (number, term) in terms.iter().enumerate() {
            let mut parts: Vec<Vec<DesignColumn>> = Vec::with_capacity(term.len());
            for &place in term {
                let all = is_whole(&terms[..number], term, place);
                let first = whole && frame[place].levels.is_some();
                whole &= !first;
                parts.push(part(formula, frame, place, all || first));
            }
            let product = parts.iter().try_fold(1_usize, |product, part| product.checked_mul(part.len()));
            let coefficients = product.and_then(|product| product.checked_add(columns.len()));
            if coefficients.is_none_or(|coefficients| coefficients > MOST) {
                return Err(Error::ManyCoefficients { coefficients, most: MOST });
            }
            columns.extend(products(parts));
        }
        Ok(Design { columns })
    }

    /// P, the number of columns.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// A column's name.
    pub(super) fn name(&self, column: usize) -> String {
        self.columns[column].name.clone()
    }

    /// The names of the columns at these places.
    pub(super) fn names(&self, columns: &[usize]) -> Vec<String> {
        columns.iter().map(|&column| self.name(column)).collect()
    }

    /// A row's numbers. `data` holds the variables' columns.
    pub(super) fn fill(&self, data: &[Vec<f64>], row: usize, out: &mut [f64]) {
        for (out, column) in out.iter_mut().zip(&self.columns) {
            *out = column.factors.iter().fold(1.0, |product, &(place, level)| match level {
                None => product * data[place][row],
                Some(level) if data[place][row] == level as f64 => product,
                Some(_) => 0.0,
            });
        }
    }
}

/// Whether a factor has all its levels in a term: if no term before it contains the rest of this term. What is left of a term of
/// one variable is nothing, which every model contains.
fn is_whole(before: &[Vec<usize>], term: &[usize], place: usize) -> bool {
    let rest: Vec<&usize> = term.iter().filter(|other| **other != place).collect();
    !rest.is_empty() && !before.iter().any(|other| rest.iter().all(|place| other.contains(place)))
}

/// The columns of one variable.
fn part(formula: &Formula, frame: &[FrameColumn], place: usize, all: bool) -> Vec<DesignColumn> {
    let variable = &formula.variables()[place];
    let written = written(&variable.name);
    let name = if variable.factor { format!("factor({written})") } else { written };
    match &frame[place].levels {
        None => vec![DesignColumn { name, factors: vec![(place, None)] }],
        Some(levels) => {
            let shown = levels.iter().enumerate().skip(usize::from(!all));
            let column = |(level, text): (usize, &String)| DesignColumn {
                name: format!("{name}{text}"),
                factors: vec![(place, Some(level))],
            };
            shown.map(column).collect()
        }
    }
}

/// Every column of each part with every one of the others; those of the first part change fastest.
fn products(parts: Vec<Vec<DesignColumn>>) -> Vec<DesignColumn> {
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |done, part| {
        let with = |right: &DesignColumn| {
            let product = |left: &DesignColumn| DesignColumn {
                name: format!("{}:{}", left.name, right.name),
                factors: [&left.factors[..], &right.factors].concat(),
            };
            done.iter().map(product).collect::<Vec<DesignColumn>>()
        };
        part.iter().flat_map(with).collect()
    })
}
