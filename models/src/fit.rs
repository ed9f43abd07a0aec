//! Fitting a model to a table.

use autodiff::Aligned;

use crate::Error;
use crate::config;
use crate::config::options::for_each_option;
use crate::config::{
    ChainKind, ColumnLimitsOption, ColumnTypesOption, Keep, Options, PathwiseOption, Preset, ResamplingOption,
    ResolvedConfig, ScopeOption, WeightsOption,
};
use crate::impute::FittedModel;
use crate::model::Model;
use crate::network::Vae;
use crate::objective::{Estimator, LogitGradient, Method};
use crate::prepare::TrainingRows;
use crate::store::ModelInfo;
use crate::table::{Schema, Table};
use crate::trainer::{Observer, RunError, Schedule, Start, Trainer};

/// A fit: the options of a model and of its training, each with a default.
///
/// ```
/// # fn main() -> Result<(), missvae::Error> {
/// use missvae::{Fit, Table};
///
/// let model = Fit::new().method("miss-vae".parse()?).components(3).latent(2).epochs(2).run(&Table::penguins())?;
/// assert_eq!(model.columns().len(), 6);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fit {
    options: Options,
    schema: Option<Schema>,
}

/// A setter of an option that is about the model; those that are about files are for configuration files and command lines.
macro_rules! setter {
    (table [$($doc:literal)*] $name:ident: $type:ty) => {};
    (table [$($doc:literal)*] $name:ident: $type:ty = $given:ty) => {};
    (model [$($doc:literal)*] $name:ident: $type:ty) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.options.$name = Some($name);
            self
        }
    };
    (model [$($doc:literal)*] $name:ident: $type:ty = $given:ty) => {
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, $name: $given) -> Self {
            self.options.$name = Some($name.into());
            self
        }
    };
}

macro_rules! setters {
    ($(
        $(#[doc = $doc:literal])*
        #[arg($($arg:tt)*)]
        $group:ident $name:ident: $type:ty $(= $given:ty)?,
    )*) => {
        /// The options, as those of `missvae train`.
        impl Fit {
            $(setter! { $group [$($doc)*] $name: $type $(= $given)? })*
        }
    };
}
for_each_option!(setters);

impl Fit {
    /// A fit with the defaults: MissSVAE with 5 components.
    pub fn new() -> Fit {
        Fit::default()
    }

    /// A fit with these options. Those about the reading of a file are left aside: the table is given to [`Fit::run`].
    pub fn with_options(options: Options) -> Fit {
        Fit { options, schema: None }
    }

    /// The columns and their types. Without a schema, types are inferred: see [`Inferred`](crate::table::Inferred). Columns of
    /// the table that a schema does not name are left out.
    ///
    /// ```
    /// # fn main() -> Result<(), missvae::Error> {
    /// use missvae::{ColumnType, Fit, Schema, Table};
    ///
    /// let table = Table::penguins();
    /// let schema = Schema::infer(&table).with("Body Mass (g)", ColumnType::Positive)?;
    /// let model = Fit::new().schema(schema).epochs(2).run(&table)?;
    /// let masses = model.impute(&table).draws(2).run()?;
    /// assert!(masses[0].rows() == table.rows());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Fit {
        self.schema = Some(schema);
        self
    }

    /// The options that are set.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Fits a model to all columns of a table. [`Table::select`] chooses some.
    ///
    /// # Errors
    /// If an option cannot be used, the table has no usable rows, or a number stops being finite.
    pub fn run(&self, table: &Table) -> Result<Model, Error> {
        Ok(self.run_observed(table, &mut ())?)
    }

    /// Fits a model as [`Fit::run`] does, and tells `observer` of each update and epoch. Where it breaks off, the model is
    /// the one fitted so far.
    ///
    /// # Errors
    /// As [`Fit::run`], and those of the observer.
    pub fn run_observed<O: Observer<f32>>(&self, table: &Table, observer: &mut O) -> Result<Model, RunError<O::Error>> {
        let (rows, config) = self.prepare(table)?;
        let mut trainer = Trainer::new(Vae::new(config.vae.clone()), config.train.clone())?;
        config.prepare_trainer(&mut trainer);
        trainer.run(&rows.train, rows.validation(), observer)?;
        let mut warnings = rows.warnings.clone();
        let best = trainer.best().map(|best| best.validation - rows.validation_log_volume());
        warnings.extend(best.and_then(|found| rows.nothing_learned(found)));
        let info = ModelInfo { updates: trainer.chosen_updates(rows.train.rows()), ..rows.model_info(&config) };
        let parameters = Aligned::from_slice(trainer.chosen_parameters());
        Ok(Model::new(FittedModel::new(trainer.vae().clone(), parameters), info).with_warnings(warnings))
    }

    /// The rows to train on, and every option resolved for them.
    fn prepare(&self, table: &Table) -> Result<(TrainingRows, ResolvedConfig), Error> {
        let options = Options {
            data: None,
            columns: None,
            ignore_columns: None,
            key: None,
            schema: None,
            missing_value: None,
            separator: None,
            decimal: None,
            ..self.options.clone().with_preset()
        };
        let rows = match &self.schema {
            Some(_) if options.image_size.is_some() => {
                return Err(config::Error::OnlyTables { option: "schema" }.into());
            }
            Some(schema) => {
                let names: Vec<&str> = schema.columns().iter().map(|column| &column.name[..]).collect();
                let table = table.select(&names)?;
                schema.check(&table)?;
                TrainingRows::of_typed_table("the table", table, schema, &options)?
            }
            None => TrainingRows::of_table("the table", table.clone(), &options)?,
        };
        let mut config = options.resolve(rows.train.rows(), rows.train.columns())?;
        rows.complete(&mut config);
        config.check_minibatches(rows.train.rows())?;
        Ok((rows, config))
    }
}
