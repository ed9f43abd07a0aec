//! Reading fixtures.

use std::collections::BTreeMap;
use std::path::Path;

use autodiff::{Graph, Shape, Var};
use linalg::Scalar;
use serde::Deserialize;
use serde_json::{Map, Value};

/// An array of a fixture: its sizes and its elements, row-major.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tensor {
    /// Sizes; none for a single number.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: Vec<f64>,
}

/// Largest error in each type, in the units of the [`Comparison`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Tolerance {
    /// In double precision.
    pub f64: f64,
    /// In single precision.
    pub f32: f64,
}

/// What an error is compared with: the module `compare` has the floor under small entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// tolerance × |expected|, entry by entry, and no less than rounding demands in units of the array's largest entry.
    Tensor,
    /// The same, and never more than the tolerance for an entry below 1.
    Element,
    /// tolerance × |expected|, entry by entry.
    Relative,
}

/// Inputs and the outputs that belong to them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Fixture {
    /// The file's name, without its ending.
    #[serde(skip)]
    pub name: String,
    /// What is computed.
    pub kind: String,
    /// Sizes and options.
    pub params: Map<String, Value>,
    /// Arrays by name.
    pub inputs: BTreeMap<String, Tensor>,
    /// Arrays by name.
    pub outputs: BTreeMap<String, Tensor>,
    /// Largest error.
    pub tolerance: Tolerance,
    /// What the error is compared with.
    pub comparison: Comparison,
    /// For people.
    #[serde(default)]
    pub note: String,
}

impl Fixture {
    /// Reads a fixture from its text.
    ///
    /// # Errors
    /// If it is not what a fixture should be; says why.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut fixture: Fixture = serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        fixture.name = name.to_owned();
        for (key, tensor) in fixture.inputs.iter().chain(&fixture.outputs) {
            let Tensor { shape, data } = tensor;
            if shape.iter().product::<usize>() != data.len() {
                return Err(format!("{name}: {key} has {} elements for the shape {shape:?}", data.len()));
            }
        }
        Ok(fixture)
    }

    /// Reads a fixture's file.
    ///
    /// # Errors
    /// If it cannot be read or is not what a fixture should be; says why.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&path.file_stem().unwrap_or_default().to_string_lossy(), &text)
    }

    /// An input.
    pub(super) fn input(&self, name: &str) -> Result<&Tensor, String> {
        self.inputs.get(name).ok_or_else(|| format!("there is no input {name:?}"))
    }

    /// An input in working precision, with its shape.
    pub(super) fn values<T: Scalar>(&self, name: &str) -> Result<(Shape, Vec<T>), String> {
        let tensor = self.input(name)?;
        Ok((tensor.shape().map_err(|error| format!("{name}: {error}"))?, tensor.narrow()))
    }

    /// An input as a leaf of a graph that keeps its gradient.
    pub(super) fn variable<T: Scalar>(&self, g: &mut Graph<'_, T>, name: &str) -> Result<Var, String> {
        let (shape, values) = self.values(name)?;
        Ok(g.variable(shape, &values))
    }

    /// A number among the parameters.
    pub(super) fn number(&self, name: &str) -> Result<f64, String> {
        let number = self.params.get(name).and_then(Value::as_f64);
        number.ok_or_else(|| format!("there is no number {name:?} among the parameters"))
    }

    /// A size among the parameters.
    pub(super) fn size(&self, name: &str) -> Result<usize, String> {
        let size = self.params.get(name).and_then(Value::as_u64);
        size.map(|n| n as usize).ok_or_else(|| format!("there is no size {name:?} among the parameters"))
    }

    /// A word among the parameters.
    pub(super) fn word(&self, name: &str) -> Result<&str, String> {
        let word = self.params.get(name).and_then(Value::as_str);
        word.ok_or_else(|| format!("there is no word {name:?} among the parameters"))
    }
}

impl Tensor {
    /// An array from elements in working precision.
    pub(super) fn new<T: Scalar>(shape: Shape, data: &[T]) -> Self {
        Tensor { shape: shape.dims().to_vec(), data: data.iter().map(|x| x.to_f64()).collect() }
    }

    /// The shape, if a tape's values can have it.
    pub(super) fn shape(&self) -> Result<Shape, String> {
        if self.shape.len() > 5 {
            return Err(format!("{} axes are too many", self.shape.len()));
        }
        Ok(Shape::new(&self.shape))
    }

    /// The elements in working precision.
    pub(super) fn narrow<T: Scalar>(&self) -> Vec<T> {
        self.data.iter().map(|&x| T::from_f64(x)).collect()
    }
}
