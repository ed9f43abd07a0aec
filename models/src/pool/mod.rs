//! Pooling: a regression on every completed table, and one result of all by Rubin's rules.
//!
//! [`Analysis`] holds the regression: a [`Formula`] as in R, and a [`Family`]. [`Analysis::run`] takes completed tables, such as
//! the draws of [`Model::impute`](crate::Model::impute), and gives [`Pooled`], a [`Term`] for every coefficient. The numbers are
//! those of R's `lm` and `glm` and of `mice::pool`. [`split_long`] takes a table of mice's long format apart.
//!
//! The files from the bottom up: `formula/`, `error`, `warning`; `student_t`, `least_squares`; `frame`, `design`; `fit`, `linear`,
//! `logistic`; `rules`, `analysis`; `long`.

mod analysis;
mod design;
mod error;
mod fit;
mod formula;
mod frame;
mod least_squares;
mod linear;
mod logistic;
mod long;
mod rules;
mod student_t;
mod warning;

pub use analysis::{Analysis, Family, Pooled};
pub use error::{Error, Problem};
pub use formula::{Formula, FormulaError, FormulaProblem};
pub use long::{IMPUTATION, split_long};
pub use rules::Term;
pub use warning::Warning;
