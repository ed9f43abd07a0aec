#!/usr/bin/env bash
# One would guess: a dictionary of Arrow whose field says that its values are in order keeps this order in a Parquet file.
# What happens: ArrowWriter writes the values in the order in which rows use them, and the stored schema still says `ordered`:
# pandas reads the categories low < medium < high back as high < low < medium. What pyarrow writes of the same column is right.
# Versions: parquet, arrow-array and arrow-schema 60.1.0; read by pyarrow 22.0.0 and pandas 2.3.3.
# Why it matters: comparisons, sorts and codes of an ordered category are silently wrong after a file was written again.
# For missvae: models/src/table/parquet_file.rs writes such columns without the word `ordered`, and `impute` warns of it.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/writer/src"
cat > "$place/writer/Cargo.toml" <<'TOML'
[package]
name = "writer"
version = "0.1.0"
edition = "2024"

[dependencies]
arrow-array = "=60.1.0"
arrow-schema = "=60.1.0"
parquet = { version = "=60.1.0", default-features = false, features = ["arrow"] }

[workspace]
TOML
cat > "$place/writer/src/main.rs" <<'RUST'
use std::{fs::File, sync::Arc};

use arrow_array::{DictionaryArray, Int8Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

fn main() {
    let levels = StringArray::from(vec!["low", "medium", "high"]);
    let column = DictionaryArray::new(Int8Array::from(vec![2, 0, 1, 0]), Arc::new(levels));
    let kind = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    let field = Field::new("level", kind, false).with_dict_is_ordered(true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(column)]).unwrap();
    let file = File::create(std::env::args().nth(1).unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}
RUST
cat > "$place/read.py" <<'PY'
import sys

import pandas, pyarrow, pyarrow.parquet

levels = pandas.Categorical(["high", "low", "medium", "low"], ["low", "medium", "high"], ordered=True)
pandas.DataFrame({"level": levels}).to_parquet(sys.argv[2])
status = 0
for writer, path, expected in [
    ("ArrowWriter of parquet 60.1.0", sys.argv[1], "high < low < medium"),
    (f"pyarrow {pyarrow.__version__}", sys.argv[2], "low < medium < high"),
]:
    column = pandas.read_parquet(path)["level"]
    found = " < ".join(column.cat.categories) if column.cat.ordered else "no order"
    print(f"{writer}: rows {list(column)}, order {found} (expected: {expected})")
    status |= found != expected or list(column) != list(levels)
sys.exit(status)
PY
python3 -m venv "$place/venv"
"$place/venv/bin/pip" -q install numpy==2.3.5 pandas==2.3.3 pyarrow==22.0.0
cargo run --quiet --manifest-path "$place/writer/Cargo.toml" --target-dir "$place/target" -- "$place/rust.parquet"
"$place/venv/bin/python" "$place/read.py" "$place/rust.parquet" "$place/pandas.parquet"
