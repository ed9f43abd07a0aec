//! The program `missvae`: files in and out, commands, progress, reports.
//!
//! In the order in which a reader needs them:
//! - [`main`]: arguments in, exit status out;
//! - `commands`: the command line, one file a command; `args`: options that several commands have; `usage`: errors of
//!   the parser;
//! - `failure`: failures and exit codes; `hints`: what to do about them;
//! - `config_file`, `command_options`: configuration files;
//! - `blocks`: the rows of a file, block by block;
//! - `output`: what is printed; `signal`: interruptions; `threads`;
//! - `run`: the directory of a training run; `training`: carrying one out;
//! - `frechet`: Fréchet distances between a model's samples and complete rows;
//! - `plot`: the elements of figures;
//! - `paper`: the paper's experiments and figures, with the feature of that name.

mod args;
mod blocks;
mod command_options;
mod commands;
mod config_file;
mod failure;
mod frechet;
mod hints;
mod output;
#[cfg(feature = "paper")]
mod paper;
mod plot;
mod run;
mod signal;
mod threads;
mod training;
mod usage;

use std::process::ExitCode;

use clap::Parser;

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    let cli = match commands::Cli::try_parse() {
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
