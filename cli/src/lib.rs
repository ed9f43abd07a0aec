//! The program `missvae`: files in and out, commands, progress, reports.
//!
//! In the order in which a reader needs them:
//! - [`main`]: arguments in, exit status out;
//! - `args`: the command line; `usage`: what the parser has to say about it;
//! - `config_file`: configuration files; `model_options`: the options that `missvae snr` shares with `train`;
//! - `hints`: the ways out of errors;
//! - `run`: the directory of a training run; `signal`: what interrupts one;
//! - `commands`: one file a command;
//! - `paper`: the paper's experiments and figures, with the feature of that name.

// The paper's commands use more of the program than the others do.
#![cfg_attr(not(feature = "paper"), allow(dead_code, unused_imports))]

mod args;
mod commands;
mod config_file;
mod failure;
mod hints;
#[cfg(feature = "paper")]
mod model_options;
mod output;
#[cfg(feature = "paper")]
mod paper;
mod run;
mod signal;
mod usage;

use std::process::ExitCode;

use clap::Parser;

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error),
    };
    match commands::dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.exit_code())
        }
    }
}
