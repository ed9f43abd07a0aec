//! From a text to its terms, by recursive descent. The operators and their order are R's: `^`, then `:`, then `*`, then `+`
//! and `-`.

use super::error::FormulaProblem;
use super::token::{Misplaced, Placed, Token, tokens};

/// The most terms, so that a power of a long sum does not fill the memory.
const MOST_TERMS: usize = 1000;
/// The most parentheses inside of each other.
const DEEPEST: usize = 50;

/// A column as a formula names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The column.
    pub(crate) name: String,
    /// Whether its numbers are levels: `factor(name)`.
    pub(crate) factor: bool,
}

/// A text's response, its variables in the order in which they occur, and its terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) response: String,
    pub(super) variables: Vec<Variable>,
    pub(super) sum: Sum,
}

/// Terms, each a set of variables in their order; and what 0 and 1 say of the intercept, if they say something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) terms: Vec<Vec<usize>>,
    pub(super) intercept: Option<bool>,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        for term in other.terms {
            if !self.terms.contains(&term) {
                self.terms.push(term);
            }
        }
        self.intercept = other.intercept.or(self.intercept);
    }

    fn remove(&mut self, other: &Sum) {
        self.terms.retain(|term| !other.terms.contains(term));
        self.intercept = other.intercept.map(|one| !one).or(self.intercept);
    }

    /// Every term of the one with every term of the other.
    fn interactions(&self, other: &Sum) -> Sum {
        let mut sum = Sum::default();
        for (one, other) in self.terms.iter().flat_map(|one| other.terms.iter().map(move |other| (one, other))) {
            let mut term = [&one[..], other].concat();
            term.sort_unstable();
            term.dedup();
            if !sum.terms.contains(&term) {
                sum.terms.push(term);
            }
        }
        sum
    }
}

/// The parts of a formula.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn parse(formula: &str) -> Result<Parsed, Misplaced> {
    let tokens = tokens(formula)?;
    let end = formula.chars().count() + 1;
    let mut tildes = tokens.iter().enumerate().filter(|(_, placed)| placed.token == Token::Sign('~'));
    let Some((tilde, placed)) = tildes.next() else { return Err((end, FormulaProblem::NoTilde)) };
    if let Some((_, second)) = tildes.next() {
        return Err((second.at, FormulaProblem::SecondTilde));
    }
    let response = match &tokens[..tilde] {
        [] => return Err((placed.at, FormulaProblem::NoResponse)),
        [Placed { token: Token::Name(name, _), .. }] => name.clone(),
        [Placed { token: Token::Name(name, false), at }, Placed { token: Token::Sign('('), .. }, ..] => {
            return Err((*at, FormulaProblem::Function { name: name.clone() }));
        }
        [one] => return Err((one.at, FormulaProblem::NoOperand { found: Some(one.token.text()) })),
        [_, second, ..] => return Err((second.at, FormulaProblem::LongResponse)),
    };
    let mut parser = Parser { tokens: &tokens[tilde + 1..], end, variables: Vec::new(), depth: 0, response: &response };
    if parser.tokens.is_empty() {
        return Err((end, FormulaProblem::NoTerms));
    }
    let sum = parser.sum()?;
    match parser.tokens.first() {
        Some(Placed { token: Token::Sign(')'), at }) => return Err((*at, FormulaProblem::UnopenedParenthesis)),
        Some(placed) => return Err((placed.at, FormulaProblem::NoOperator { found: placed.token.text() })),
        None => {}
    }
    if sum.terms.is_empty() && sum.intercept == Some(false) {
        return Err((end, FormulaProblem::NoTerms));
    }
    let variables = parser.variables;
    Ok(Parsed { response, variables, sum })
}

struct Parser<'a> {
    /// What is still to be read.
    tokens: &'a [Placed],
    /// One past the last character.
    end: usize,
    variables: Vec<Variable>,
    depth: usize,
    response: &'a str,
}

impl<'a> Parser<'a> {
    /// The next token, if it is one of these signs.
    fn sign(&mut self, signs: &[char]) -> Option<(char, usize)> {
        match self.tokens.first() {
            Some(Placed { token: Token::Sign(sign), at }) if signs.contains(sign) => {
                self.tokens = &self.tokens[1..];
                Some((*sign, *at))
            }
            _ => None,
        }
    }

    fn next(&mut self) -> Option<&'a Placed> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn sum(&mut self) -> Result<Sum, Misplaced> {
        let mut sum = Sum::default();
        // A plus in front is none of R's errors, but nobody writes it: a shell has taken the name before it.
        let mut minus = self.sign(&['-']).is_some();
        loop {
            let at = self.tokens.first().map_or(self.end, |placed| placed.at);
            let product = self.product()?;
            match minus {
                true => sum.remove(&product),
                false => sum.add(product),
            }
            check_terms(&sum, at)?;
            let Some((sign, _)) = self.sign(&['+', '-']) else { return Ok(sum) };
            minus = sign == '-';
        }
    }

    /// `a * b` is `a + b + a:b`.
    fn product(&mut self) -> Result<Sum, Misplaced> {
        let mut left = self.interaction()?;
        while let Some((_, at)) = self.sign(&['*']) {
            let right = self.interaction()?;
            left = crossed(left, right, at)?;
        }
        Ok(left)
    }

    fn interaction(&mut self) -> Result<Sum, Misplaced> {
        let mut left = self.power()?;
        while let Some((_, at)) = self.sign(&[':']) {
            let right = self.power()?;
            check_product(&left, &right, at)?;
            left = left.interactions(&right);
        }
        Ok(left)
    }

    /// `(a + b)^2` is `(a + b) * (a + b)`.
    fn power(&mut self) -> Result<Sum, Misplaced> {
        let base = self.operand()?;
        let Some((_, at)) = self.sign(&['^']) else { return Ok(base) };
        let exponent = match self.next().map(|placed| &placed.token) {
            Some(Token::Number(number)) => number.parse::<u8>().ok().filter(|power| (1..=9).contains(power)),
            _ => None,
        };
        let exponent = exponent.ok_or((at, FormulaProblem::Power))?;
        let mut power = base.clone();
        for _ in 1..exponent {
            power = crossed(power, base.clone(), at)?;
        }
        Ok(power)
    }

    fn operand(&mut self) -> Result<Sum, Misplaced> {
        let Some(Placed { token, at }) = self.next() else {
            return Err((self.end, FormulaProblem::NoOperand { found: None }));
        };
        match token {
            Token::Sign('(') => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err((*at, FormulaProblem::Deep { most: DEEPEST }));
                }
                let sum = self.sum()?;
                match self.next() {
                    Some(Placed { token: Token::Sign(')'), .. }) => {}
                    Some(placed) => return Err((placed.at, FormulaProblem::NoOperator { found: placed.token.text() })),
                    None => return Err((*at, FormulaProblem::UnclosedParenthesis)),
                }
                self.depth -= 1;
                Ok(sum)
            }
            Token::Sign(_) => Err((*at, FormulaProblem::NoOperand { found: Some(token.text()) })),
            Token::Number(number) => match number.parse::<f64>() {
                Ok(one @ (0.0 | 1.0)) => Ok(Sum { terms: Vec::new(), intercept: Some(one == 1.0) }),
                _ => Err((*at, FormulaProblem::Number { number: number.clone() })),
            },
            Token::Name(name, quoted) => {
                let call = !quoted && self.sign(&['(']).is_some();
                let variable = match call {
                    false => Variable { name: name.clone(), factor: false },
                    true if name == "factor" => Variable { name: self.argument(*at)?, factor: true },
                    true => return Err((*at, FormulaProblem::Function { name: name.clone() })),
                };
                if variable.name == self.response {
                    return Err((*at, FormulaProblem::ResponseAsTerm { name: variable.name }));
                }
                let place = self.variables.iter().position(|known| *known == variable).unwrap_or_else(|| {
                    self.variables.push(variable);
                    self.variables.len() - 1
                });
                Ok(Sum { terms: vec![vec![place]], intercept: None })
            }
        }
    }

    /// The name in `factor(name)`, whose parenthesis is read.
    fn argument(&mut self, at: usize) -> Result<String, Misplaced> {
        match (self.next(), self.next()) {
            (Some(Placed { token: Token::Name(name, _), .. }), Some(Placed { token: Token::Sign(')'), .. })) => {
                Ok(name.clone())
            }
            (Some(Placed { token: Token::Name(..), .. }), Some(placed)) => {
                Err((placed.at, FormulaProblem::NoOperator { found: placed.token.text() }))
            }
            (Some(Placed { token: Token::Name(..), .. }) | None, None) => {
                Err((at, FormulaProblem::UnclosedParenthesis))
            }
            (Some(placed), _) => Err((placed.at, FormulaProblem::NoOperand { found: Some(placed.token.text()) })),
            (None, Some(_)) => unreachable!("nothing follows the end"),
        }
    }
}

fn crossed(left: Sum, right: Sum, at: usize) -> Result<Sum, Misplaced> {
    check_product(&left, &right, at)?;
    let both = left.interactions(&right);
    let mut sum = left;
    sum.add(right);
    sum.add(both);
    check_terms(&sum, at)?;
    Ok(sum)
}

/// The intercept is no part of a product, and a product does not have too many terms.
fn check_product(left: &Sum, right: &Sum, at: usize) -> Result<(), Misplaced> {
    if left.intercept.is_some() || right.intercept.is_some() {
        return Err((at, FormulaProblem::NumberInProduct));
    }
    match left.terms.len() * right.terms.len() > MOST_TERMS {
        true => Err((at, FormulaProblem::ManyTerms { most: MOST_TERMS })),
        false => Ok(()),
    }
}

fn check_terms(sum: &Sum, at: usize) -> Result<(), Misplaced> {
    match sum.terms.len() > MOST_TERMS {
        true => Err((at, FormulaProblem::ManyTerms { most: MOST_TERMS })),
        false => Ok(()),
    }
}
