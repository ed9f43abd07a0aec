//! A function on the tape, and where it is differentiated.

use autodiff::{Graph, Var};

use crate::values::Value;

/// The kind of every check of an operation.
pub(super) const KIND: &str = "operation";

/// A function on the tape.
pub(super) type Function = dyn Fn(&mut Graph<'_, f64>, &[Var]) -> Var;

/// A function to differentiate and where.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) inputs: Vec<Value>,
    pub(super) function: Box<Function>,
}

impl Entry {
    pub(super) fn new(
        name: impl Into<String>,
        inputs: impl Into<Vec<Value>>,
        function: impl Fn(&mut Graph<'_, f64>, &[Var]) -> Var + 'static,
    ) -> Self {
        Entry { name: name.into(), inputs: inputs.into(), function: Box::new(function) }
    }
}
