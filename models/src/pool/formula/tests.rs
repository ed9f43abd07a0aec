//! Formulas and their terms, as R's `terms` has them.

use proptest::prelude::*;

use super::*;

/// The terms as text, and 0 or 1 for the intercept.
fn terms(text: &str) -> String {
    let formula: Formula = text.parse().unwrap_or_else(|error| panic!("{error}"));
    let name = |place: &usize| {
        let Variable { name, factor } = &formula.variables[*place];
        if *factor { format!("factor({name})") } else { name.clone() }
    };
    let terms = formula.terms.iter().map(|term| term.iter().map(name).collect::<Vec<_>>().join(":"));
    std::iter::once(u8::from(formula.intercept).to_string()).chain(terms).collect::<Vec<_>>().join(" ")
}

/// Each line is what `attr(terms(formula), "term.labels")` of R 4.2 says.
#[test]
fn terms_as_in_r() {
    for (formula, expected) in [
        ("y ~ 1", "1"),
        ("y~a+b", "1 a b"),
        ("y ~ a + a + b - b", "1 a"),
        ("y ~ a*b", "1 a b a:b"),
        ("y ~ b:a + a", "1 a b:a"),
        ("y ~ a:b + b:a", "1 a:b"),
        ("y ~ a*b:c", "1 a b:c a:b:c"),
        ("y ~ a + b*c - c", "1 a b b:c"),
        ("y ~ a + b + c - b", "1 a c"),
        ("y ~ (a + b)*c", "1 a b c a:c b:c"),
        ("y ~ (a + b + c)^2", "1 a b c a:b a:c b:c"),
        ("y ~ (a + b + c)^3 - a:b:c", "1 a b c a:b a:c b:c"),
        ("y ~ a*b*c", "1 a b c a:b a:c b:c a:b:c"),
        ("y ~ a:a + a^2", "1 a"),
        ("y ~ a - 1", "0 a"),
        ("y ~ 0 + a", "0 a"),
        ("y ~ -1 + a", "0 a"),
        ("y ~ a - 1 + 1", "1 a"),
        ("y ~ a - 0", "1 a"),
        ("y ~ (a + 1)", "1 a"),
        ("y ~ factor(a)*a", "1 factor(a) a factor(a):a"),
        ("y ~ `factor`", "1 factor"),
    ] {
        assert_eq!(terms(formula), expected, "{formula}");
    }
}

#[test]
fn columns_each_once() {
    let formula: Formula = "`a b` ~ x * factor(x) + `+` - z".parse().unwrap();
    assert_eq!(formula.columns(), ["a b", "x", "+"]);
    assert_eq!(formula.to_string(), "`a b` ~ x * factor(x) + `+` - z");
}

#[test]
fn problems_and_their_places() {
    use FormulaProblem as Problem;
    let name = |name: &str| name.to_owned();
    for (formula, at, problem) in [
        ("", 1, Problem::NoTilde),
        ("y", 2, Problem::NoTilde),
        ("~ x", 1, Problem::NoResponse),
        ("y ~", 4, Problem::NoTerms),
        ("y ~ 0", 6, Problem::NoTerms),
        ("y ~ x - x - 1", 14, Problem::NoTerms),
        ("y ~ x ~ z", 7, Problem::SecondTilde),
        ("y + z ~ x", 3, Problem::LongResponse),
        ("log(y) ~ x", 1, Problem::Function { name: name("log") }),
        ("2 ~ x", 1, Problem::NoOperand { found: Some(name("2")) }),
        ("y ~ x +", 8, Problem::NoOperand { found: None }),
        ("y ~ + x", 5, Problem::NoOperand { found: Some(name("+")) }),
        ("y ~ x + * z", 9, Problem::NoOperand { found: Some(name("*")) }),
        ("y ~ Body Mass", 10, Problem::NoOperator { found: name("Mass") }),
        ("y ~ x 2", 7, Problem::NoOperator { found: name("2") }),
        ("y ~ (x + z", 5, Problem::UnclosedParenthesis),
        ("y ~ (x z)", 8, Problem::NoOperator { found: name("z") }),
        ("y ~ x)", 6, Problem::UnopenedParenthesis),
        ("y ~ `x", 5, Problem::UnclosedBacktick),
        ("y ~ ``", 5, Problem::EmptyName),
        ("y ~ x; z", 6, Problem::Character { character: ';' }),
        ("y ~ x/z", 6, Problem::Unsupported { operator: name("/") }),
        ("y ~ (1|z)", 7, Problem::Unsupported { operator: name("|") }),
        ("y ~ .", 5, Problem::Unsupported { operator: name(".") }),
        ("y ~ I(x^2)", 5, Problem::Function { name: name("I") }),
        ("y ~ factor(x", 5, Problem::UnclosedParenthesis),
        ("y ~ factor(", 5, Problem::UnclosedParenthesis),
        ("y ~ factor(2)", 12, Problem::NoOperand { found: Some(name("2")) }),
        ("y ~ factor(x + z)", 14, Problem::NoOperator { found: name("+") }),
        ("y ~ 2*x", 5, Problem::Number { number: name("2") }),
        ("y ~ 1:x", 6, Problem::NumberInProduct),
        ("y ~ x^z", 6, Problem::Power),
        ("y ~ x^10", 6, Problem::Power),
        ("y ~ x + y", 9, Problem::ResponseAsTerm { name: name("y") }),
        ("y ~ factor(y)", 5, Problem::ResponseAsTerm { name: name("y") }),
        ("y ~ (a+b+c+d+e+f+g+h+i+j+k+l+m+n)^9", 34, Problem::ManyTerms { most: 1000 }),
    ] {
        let error = formula.parse::<Formula>().unwrap_err();
        assert_eq!((error.at, &error.problem), (at, &problem), "{formula}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
    let deep = format!("y ~ {}x{}", "(".repeat(51), ")".repeat(51));
    assert!(matches!(deep.parse::<Formula>().unwrap_err().problem, Problem::Deep { most: 50 }));
    assert_eq!(terms(&format!("y ~ {}x{}", "(".repeat(50), ")".repeat(50))), "1 x");
    let error = "y ~ x1 +".parse::<Formula>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "formula \"y ~ x1 +\", character 9: ends here; expected the name of a column, 0, 1 or ("
    );
}

/// Pieces of formulas, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "y", "x", "~", "+", "-", "*", ":", "^", "(", ")", "0", "1", "2", "`a b`", "`", "factor(", ".", " ", "\\", "é",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Whatever the text is, it is a formula or an error with a place in it, and a formula's columns are in it.
    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![any::<String>(), pieces()], tail in pieces()) {
        for text in [text.clone(), format!("y ~ {text}"), format!("y ~ x {tail}")] {
            match text.parse::<Formula>() {
                Ok(formula) => {
                    prop_assert!(formula.intercept() || !formula.terms().is_empty());
                    prop_assert!(formula.columns().iter().all(|name| !name.is_empty()));
                    prop_assert!(!formula.columns()[1..].contains(&formula.response()));
                }
                Err(error) => {
                    prop_assert!((1..=text.chars().count() + 1).contains(&error.at), "{error}");
                    prop_assert!(!error.to_string().contains('\n'));
                }
            }
        }
    }
}
