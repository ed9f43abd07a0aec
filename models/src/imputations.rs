//! Imputation with a fitted model, for users of the library.

use std::ops::{ControlFlow, Deref};

use crate::Error;
use crate::config::check_draws;
use crate::impute::{ImputationSampler, Imputer, SamplerKind, SamplerOptions, Statistic};
use crate::model::Model;
use crate::monitor::{ImputedValues, NewRows};
use crate::prepare::coding::aligned;
use crate::prepare::{image_rows, standardised};
use crate::table::Table;
use crate::warning::Warning;

/// Completed tables, and what may be wrong with them. It is a slice of the tables.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Imputations {
    /// One for each draw, or a single one of means or medians.
    pub tables: Vec<Table>,
    /// What may be wrong: importance weights that fail, codes for missing values among the observed cells, levels and values
    /// beyond those of training, imputed values beyond the observed range.
    pub warnings: Vec<Warning>,
}

impl Deref for Imputations {
    type Target = [Table];

    fn deref(&self) -> &[Table] {
        &self.tables
    }
}

impl<'a> IntoIterator for &'a Imputations {
    type Item = &'a Table;
    type IntoIter = std::slice::Iter<'a, Table>;

    fn into_iter(self) -> Self::IntoIter {
        self.tables.iter()
    }
}

impl IntoIterator for Imputations {
    type Item = Table;
    type IntoIter = std::vec::IntoIter<Table>;

    fn into_iter(self) -> Self::IntoIter {
        self.tables.into_iter()
    }
}

impl Model {
    /// Imputes the missing cells of a table, old or new. See [`Impute::run`].
    pub fn impute<'a>(&'a self, table: &'a Table) -> Impute<'a> {
        Impute { model: self, table, statistic: Statistic::Mean, options: SamplerOptions::default(), seed: 0 }
    }
}

/// Settings of an imputation. Without [`draws`](Impute::draws), each missing cell becomes its conditional mean.
#[derive(Clone, Debug)]
#[must_use]
pub struct Impute<'a> {
    model: &'a Model,
    table: &'a Table,
    statistic: Statistic,
    options: SamplerOptions,
    seed: u64,
}

impl Impute<'_> {
    /// M completed tables, at least 1, with draws from the conditional distribution of the missing cells.
    pub fn draws(mut self, draws: usize) -> Self {
        self.statistic = Statistic::Draws(draws);
        self
    }

    /// One completed table, with conditional medians.
    pub fn median(mut self) -> Self {
        self.statistic = Statistic::Median;
        self
    }

    /// The seed of the draws (default: 0).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The sampler (default: importance; LAIR for models of methods that keep imputations).
    pub fn sampler(mut self, sampler: SamplerKind) -> Self {
        self.options.sampler = Some(sampler);
        self
    }

    /// The sampler and its numbers.
    pub fn sampler_options(mut self, options: SamplerOptions) -> Self {
        self.options = options;
        self
    }

    /// The completed tables. Observed cells, and columns that the model does not have, are as they were.
    ///
    /// # Errors
    /// If an option cannot be used, there are no draws or more than fit into memory, or the table lacks a column of the
    /// model; [`Error::NotImputed`].
    pub fn run(self) -> Result<Imputations, Error> {
        let (fitted, info) = (self.model.fitted(), self.model.info());
        let draws = if let Statistic::Draws(draws) = self.statistic { draws } else { 1 };
        check_draws(draws, self.table.values().len())?;
        let sampler = ImputationSampler::new(self.options, &info.vae)?;
        let names = if info.vae.images.is_some() { self.table.columns().to_vec() } else { self.model.columns() };
        let places = self.table.places(&names)?;
        let chosen = self.table.select(&names)?;
        let chosen = if info.vae.images.is_some() { chosen } else { aligned(chosen, &info.schema()) };
        if self.table.rows() == 0 {
            return Ok(Imputations { tables: vec![self.table.clone(); draws], warnings: Vec::new() });
        }
        let (data, units) = match info.vae.images {
            None => (standardised("the table", &chosen, info)?, info.standardisation()),
            Some(ref images) => {
                let (data, pixels) = image_rows(&chosen, images.size, self.seed)?;
                (data, pixels.units(chosen.width()))
            }
        };
        let columns = if info.vae.images.is_some() { &[][..] } else { &info.columns };
        let mut imputer = Imputer::new(fitted, columns, &sampler, self.statistic, self.seed);
        let copies = imputer.next_rows(&chosen, (&data, &units), |_| ControlFlow::Continue(()))?;
        let summary = imputer.summary();
        if summary.replaced > 0 {
            return Err(Error::NotImputed { values: summary.replaced });
        }
        let mut warnings: Vec<Warning> = summary.weights.and_then(|weights| weights.warning()).into_iter().collect();
        if info.vae.images.is_none() {
            let (mut rows, mut imputed) = (NewRows::new(info), ImputedValues::new(info));
            rows.add(&chosen, 0);
            imputed.add(&chosen, &copies);
            warnings.extend(rows.warnings().into_iter().chain(imputed.warning()));
        }
        let width = self.table.width();
        // The texts of a column of the model have their places in the model's list.
        let mut notations = self.table.notations().to_vec();
        places.iter().enumerate().for_each(|(d, &place)| notations[place] = chosen.notation(d).clone());
        let whole = |copy: Vec<f64>| {
            let mut values = self.table.values().to_vec();
            for (row, completed) in values.chunks_exact_mut(width).zip(copy.chunks_exact(places.len())) {
                places.iter().zip(completed).for_each(|(&place, &value)| row[place] = value);
            }
            Ok(Table::new(self.table.columns().to_vec(), values)?.with_notations(notations.clone()))
        };
        let tables = copies.into_iter().map(whole).collect::<Result<_, Error>>()?;
        Ok(Imputations { tables, warnings })
    }
}
