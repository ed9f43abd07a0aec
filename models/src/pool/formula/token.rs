//! A formula's names, numbers and signs.

use super::error::FormulaProblem;

/// A part of a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name; whether it stands in backticks.
    Name(String, bool),
    Number(String),
    /// One of `~ + - : * ^ ( )`.
    Sign(char),
}

impl Token {
    /// As it is named in messages.
    pub(super) fn text(&self) -> String {
        match self {
            Token::Name(text, _) | Token::Number(text) => text.clone(),
            Token::Sign(sign) => sign.to_string(),
        }
    }
}

/// A part and its first character, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

/// What is wrong, and at which character.
pub(super) type Misplaced = (usize, FormulaProblem);

/// The parts of a formula.
///
/// # Errors
/// For what is no part.
pub(super) fn tokens(formula: &str) -> Result<Vec<Placed>, Misplaced> {
    let letters: Vec<char> = formula.chars().collect();
    let mut tokens = Vec::new();
    let mut next = 0;
    while let Some(&letter) = letters.get(next) {
        let at = next + 1;
        let starts_number = |from: usize| letters.get(from).is_some_and(char::is_ascii_digit);
        let token = match letter {
            _ if letter.is_whitespace() => {
                next += 1;
                continue;
            }
            '~' | '+' | '-' | ':' | '*' | '^' | '(' | ')' => {
                next += 1;
                Token::Sign(letter)
            }
            '`' => {
                let (name, length) =
                    in_backticks(&letters[next + 1..]).ok_or((at, FormulaProblem::UnclosedBacktick))?;
                if name.is_empty() {
                    return Err((at, FormulaProblem::EmptyName));
                }
                next += 1 + length;
                Token::Name(name, true)
            }
            _ if starts_number(next) || letter == '.' && starts_number(next + 1) => {
                Token::Number(run(&letters, &mut next))
            }
            _ if letter.is_alphabetic() || matches!(letter, '.' | '_') => match run(&letters, &mut next) {
                dot if dot == "." => return Err((at, FormulaProblem::Unsupported { operator: dot })),
                name => Token::Name(name, false),
            },
            '/' | '|' => return Err((at, FormulaProblem::Unsupported { operator: letter.to_string() })),
            '%' => {
                let rest: String = letters[next + 1..].iter().take_while(|letter| **letter != '%').take(8).collect();
                return Err((at, FormulaProblem::Unsupported { operator: format!("%{rest}%") }));
            }
            character => return Err((at, FormulaProblem::Character { character })),
        };
        tokens.push(Placed { token, at });
    }
    Ok(tokens)
}

/// The letters, digits, points and underscores from here on.
fn run(letters: &[char], next: &mut usize) -> String {
    let word: String = letters[*next..].iter().take_while(|letter| is_inside(**letter)).collect();
    *next += word.chars().count();
    word
}

fn is_inside(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '.' | '_')
}

/// The name up to the next backtick, and the characters to behind it. A backslash goes before a backtick or a backslash that
/// is part of the name.
fn in_backticks(letters: &[char]) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut next = 0;
    loop {
        match (letters.get(next)?, letters.get(next + 1)) {
            ('`', _) => return Some((name, next + 1)),
            ('\\', Some(&escaped @ ('`' | '\\'))) => {
                name.push(escaped);
                next += 2;
            }
            (&letter, _) => {
                name.push(letter);
                next += 1;
            }
        }
    }
}

/// Words that are no names in R.
const RESERVED: [&str; 19] = [
    "if",
    "else",
    "repeat",
    "while",
    "function",
    "for",
    "next",
    "break",
    "TRUE",
    "FALSE",
    "NULL",
    "Inf",
    "NaN",
    "NA",
    "NA_integer_",
    "NA_real_",
    "NA_character_",
    "NA_complex_",
    "in",
];

/// A column's name as R writes it in a term: in backticks, if it is no name otherwise.
pub(crate) fn written(name: &str) -> String {
    let mut letters = name.chars();
    let starts = match letters.next() {
        Some('.') => !name[1..].starts_with(|letter: char| letter.is_ascii_digit()),
        Some(letter) => letter.is_alphabetic(),
        None => false,
    };
    if starts && letters.all(is_inside) && !RESERVED.contains(&name) {
        return name.to_owned();
    }
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_signs() {
        let texts = |formula: &str| -> Vec<String> {
            tokens(formula).unwrap().iter().map(|placed| placed.token.text()).collect()
        };
        assert_eq!(texts("y~x1+ .a_b:é2"), ["y", "~", "x1", "+", ".a_b", ":", "é2"]);
        assert_eq!(texts(r"`a b`*`c\`d\\`*`e\f`"), ["a b", "*", r"c`d\", "*", r"e\f"]);
        assert_eq!(texts("1.5e3 - 0"), ["1.5e3", "-", "0"]);
        assert_eq!(tokens("é ~ x").unwrap()[2].at, 5);
        for (formula, at) in [("y ~ `x", 5), ("y ~ ``", 5), ("y ~ .", 5), ("a ∼ b", 3), ("é/b", 2), ("a %in% b", 3)]
        {
            assert_eq!(tokens(formula).unwrap_err().0, at, "{formula}");
        }
    }

    #[test]
    fn names_as_r_writes_them() {
        for name in ["x", "x1", ".imp", "a.b_c", "é"] {
            assert_eq!(written(name), name);
        }
        for name in ["", "1x", ".1", "a b", "_a", "if", "Body Mass (g)", "TRUE"] {
            assert_eq!(written(name), format!("`{name}`"));
        }
        assert_eq!(written(r"a`b\"), r"`a\`b\\`");
        // What is written is read back.
        assert_eq!(tokens(&written(r"a`b\")).unwrap()[0].token, Token::Name(r"a`b\".to_owned(), true));
    }
}
