//! The program from outside: its files, its words, its exit status.
//!
//! - `bad_input`: what a user can get wrong, each with a message of one line and nothing half-written;
//! - `commands`: what the other commands promise;
//! - `describing`: what `describe` says of missing cells, and draws;
//! - `formats`: texts with other separators and decimal marks;
//! - `images`: image files and models;
//! - `imputations`: methods that keep imputations, and the samplers that renew them;
//! - `library`: the library's facade, which does what the program does;
//! - `nothing_lost`: runs that replace others, go on after their end, or find damage;
//! - `parquet`: tables of Parquet, with the feature and without;
//! - `pooling`: regressions on completed tables, and long files;
//! - `reproduce`: experiments of the paper in miniature;
//! - `resume`: runs that are stopped, in whatever way, and gone on with;
//! - `snr`: gradient estimators side by side;
//! - `streaming`: more rows than a block, from pipes and to them;
//! - `training`: what `train` promises;
//! - `trust`: warnings, and the epoch that is kept.
//! - `zoo`: awkward tables, each alone and in pairs.
//!
//! Seeds are fixed, so a verdict is the same on every run; none depends on the clock.

mod bad_input;
mod commands;
mod describing;
mod formats;
mod images;
mod imputations;
mod library;
mod nothing_lost;
mod parquet;
mod pooling;
#[cfg(feature = "paper")]
mod reproduce;
mod resume;
#[cfg(feature = "paper")]
mod snr;
mod streaming;
mod support;
mod training;
mod trust;
mod typed;
mod zoo;
