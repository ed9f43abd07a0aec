//! Command lines that cannot be read: the parser's errors in the program's own form.

use std::error::Error;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;
use missvae::objective::UnknownMethod;

use crate::commands::Cli;
use crate::failure::Failure;

/// Prints the parser's message, and returns the exit status: 0 for `--help` and `--version`, else 2.
pub(crate) fn report(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Nothing can be done about a closed standard output.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
        _ => {
            let failure = match error.source().and_then(|source| source.downcast_ref::<UnknownMethod>()) {
                Some(unknown) => unknown.clone().into(),
                None => failure(&error.to_string(), std::env::args().nth(1).as_deref()),
            };
            failure.print();
            ExitCode::from(failure.exit_code())
        }
    }
}

/// The parser's text: a paragraph that says what is wrong, maybe tips, usage, a pointer to `--help`. `first` is the first word
/// after the program's name.
fn failure(text: &str, first: Option<&str>) -> Failure {
    let one_line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.split("\n\n");
    let mut what = one_line(paragraphs.next().unwrap_or_default().trim_start_matches("error: "));
    for (technical, plain) in [
        ("invalid digit found in string", "expected a whole number"),
        ("cannot parse integer from empty string", "expected a whole number"),
        ("number too large to fit in target type", "this is too large"),
        ("invalid float literal", "expected a number"),
        ("cannot parse float from empty string", "expected a number"),
    ] {
        what = what.replace(technical, plain);
    }
    let tip = paragraphs.find_map(|paragraph| paragraph.trim_start().strip_prefix("tip: ").map(one_line));
    let near = tip.filter(|tip| is_near(&what, tip));
    let command = first.filter(|first| Cli::command().find_subcommand(first).is_some());
    let help = command.map_or("missvae --help".to_owned(), |command| format!("missvae {command} --help"));
    Failure::usage_hint(what, near.unwrap_or_else(|| format!("`{help}` lists the options")))
}

/// Whether the option that a tip names is a likely slip of the one that was given: the parser names one in any case.
fn is_near(what: &str, tip: &str) -> bool {
    let quoted = |text: &str| text.split('\'').nth(1).map(|word| word.trim_start_matches('-').to_owned());
    match (quoted(what), quoted(tip)) {
        (Some(given), Some(meant)) if what.starts_with("unexpected argument") => {
            strsim::damerau_levenshtein(&given, &meant) <= 1 + meant.len() / 4
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn said(words: &[&str]) -> (String, String) {
        let error = Cli::try_parse_from(words).unwrap_err();
        let Failure::Usage { what, hint } = failure(&error.to_string(), words.get(1).copied()) else {
            panic!("bad usage")
        };
        (what, hint.unwrap())
    }

    #[test]
    fn one_line_and_a_hint() {
        let (what, hint) = said(&["missvae", "train", "--components", "-1"]);
        assert_eq!(what, "invalid value '-1' for '--components <K>': expected a whole number");
        assert_eq!(hint, "`missvae train --help` lists the options");
        // No option is like this one.
        assert_eq!(said(&["missvae", "train", "--target", "x"]).1, "`missvae train --help` lists the options");
        let (what, hint) = said(&["missvae", "train", "--compnents", "1"]);
        assert_eq!(what, "unexpected argument '--compnents' found");
        assert_eq!(hint, "a similar argument exists: '--components'");
        let (what, hint) = said(&["missvae", "sample", "run", "--rows", "3"]);
        assert_eq!(hint, "`missvae sample --help` lists the options");
        assert_eq!(what, "the following required arguments were not provided: --out <FILE>");
        let (what, _) = said(&["missvae", "train", "--estimator", "x"]);
        assert_eq!(what, "invalid value 'x' for '--estimator <ESTIMATOR>' [possible values: plain, stl, dreg]");
    }
}
