//! What keeps a text from being a formula.

use std::fmt;

use crate::words::quoted;

/// A formula that cannot be read, and the place in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("formula {}, character {at}: {problem}", quoted(formula))]
pub struct FormulaError {
    /// The formula as it was given.
    pub formula: String,
    /// The character where the problem is, from 1; one past the end if something is lacking there.
    pub at: usize,
    /// What is wrong.
    pub problem: FormulaProblem,
}

/// What is wrong with a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormulaProblem {
    /// There is no `~`.
    NoTilde,
    /// There is a second `~`.
    SecondTilde,
    /// Nothing stands before the `~`.
    NoResponse,
    /// Something else than one name stands before the `~`.
    LongResponse,
    /// Nothing stands after the `~`, or nothing is left of it.
    NoTerms,
    /// The response is a term, too.
    ResponseAsTerm {
        /// The response.
        name: String,
    },
    /// A name, a number or `(` was expected.
    NoOperand {
        /// What stands there; none at the end.
        found: Option<String>,
    },
    /// An operator was expected.
    NoOperator {
        /// What stands there.
        found: String,
    },
    /// A name in backticks that never ends.
    UnclosedBacktick,
    /// Nothing between backticks.
    EmptyName,
    /// A parenthesis that is never closed.
    UnclosedParenthesis,
    /// A parenthesis that was never opened.
    UnopenedParenthesis,
    /// A character that no formula has.
    Character {
        /// The character.
        character: char,
    },
    /// An operator of R's formulas that is not supported: `/`, `%in%`, `|`, `.`.
    Unsupported {
        /// The operator.
        operator: String,
    },
    /// A function other than `factor`.
    Function {
        /// Its name.
        name: String,
    },
    /// A number that is neither 0 nor 1.
    Number {
        /// The number as it stands there.
        number: String,
    },
    /// 0 or 1 as a part of a product.
    NumberInProduct,
    /// `^` without a whole number from 1 on.
    Power,
    /// More terms than a formula may have.
    ManyTerms {
        /// The most.
        most: usize,
    },
    /// More parentheses inside of each other than a formula may have.
    Deep {
        /// The most.
        most: usize,
    },
}

impl fmt::Display for FormulaProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use FormulaProblem as Problem;
        match self {
            Problem::NoTilde => write!(f, "no ~; expected a formula such as y ~ x1 + x2"),
            Problem::SecondTilde => write!(f, "a second ~; expected one"),
            Problem::NoResponse => write!(f, "nothing before the ~; expected the name of a column"),
            Problem::LongResponse => write!(f, "more than one name before the ~; expected the name of a column"),
            Problem::NoTerms => write!(f, "no term; expected names of columns, or 1 for a mean"),
            Problem::ResponseAsTerm { name } => {
                write!(f, "{} stands on both sides of the ~; expected other columns there", quoted(name))
            }
            Problem::NoOperand { found: Some(found) } => {
                write!(f, "{}; expected the name of a column, 0, 1 or (", quoted(found))
            }
            Problem::NoOperand { found: None } => write!(f, "ends here; expected the name of a column, 0, 1 or ("),
            Problem::NoOperator { found } => write!(f, "{}; expected + - : * or the end", quoted(found)),
            Problem::UnclosedBacktick => write!(f, "the name that begins here has no second backtick"),
            Problem::EmptyName => write!(f, "nothing between backticks; expected a name"),
            Problem::UnclosedParenthesis => write!(f, "this ( has no )"),
            Problem::UnopenedParenthesis => write!(f, "this ) has no ("),
            Problem::Character { character } => {
                write!(f, "{character:?}; expected names of columns, ~ + - : * ^ ( ) 0 and 1")
            }
            Problem::Unsupported { operator } => write!(f, "{operator:?} is not supported; expected + - : * ^"),
            Problem::Function { name } => {
                write!(f, "the function {} is not supported; expected factor or a column", quoted(name))
            }
            Problem::Number { number } => write!(f, "the number {}; expected 0 or 1", quoted(number)),
            Problem::NumberInProduct => write!(f, "0 and 1 stand for the intercept, and are no part of a product"),
            Problem::Power => write!(f, "expected a whole number from 1 to 9 after ^"),
            Problem::ManyTerms { most } => write!(f, "more than {most} terms"),
            Problem::Deep { most } => write!(f, "more than {most} parentheses inside of each other"),
        }
    }
}
