"""Imputation of a table of mixed columns: missvae beside IterativeImputer with ExtraTrees on one-hot columns.

    python benches/peers/mixed.py --program target/release/missvae TABLE.csv --levels species,island,sex,year [--seeds 3]

A share of the observed cells (30%) is hidden, completely at random. For each method and seed:

  accuracy  share of the hidden cells of the columns with levels (--levels) that are imputed as they were
  rmse      root mean square error on the hidden cells of the other columns, in their standard deviations

Needs NumPy, pandas and scikit-learn.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401: it makes the next line work
from sklearn.impute import IterativeImputer

HIDDEN = 0.3


def missvae(table, _levels, _seed, program):
    with tempfile.TemporaryDirectory() as folder:
        given, run, done = (Path(folder) / name for name in ("given.csv", "run", "done.csv"))
        table.to_csv(given, index=False)
        for command in (["train", given, "--out", run], ["impute", run, given, "--out", done]):
            subprocess.run([program, *command, "--threads", "1", "--quiet"], check=True)
        return pd.read_csv(done)


def extra_trees(table, levels, seed, _program):
    encoded = pd.get_dummies(table, columns=levels, dtype=float)
    places = {name: [column for column in encoded if column.startswith(name + "_")] for name in levels}
    for name in levels:
        encoded.loc[table[name].isna(), places[name]] = np.nan
    forest = ExtraTreesRegressor(100, n_jobs=1, random_state=seed)
    imputer = IterativeImputer(forest, max_iter=5, random_state=seed)
    completed = pd.DataFrame(imputer.fit_transform(encoded), columns=encoded.columns)
    result = completed[[name for name in table if name not in levels]].copy()
    for name in levels:
        result[name] = [column[len(name) + 1 :] for column in completed[places[name]].idxmax(axis=1)]
    return result[table.columns]


def same(one, other):
    """Whether two levels are the same; pandas writes whole numbers of incomplete columns with a point."""
    return str(one).removesuffix(".0") == str(other).removesuffix(".0")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--program", default="target/release/missvae")
    parser.add_argument("--levels", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    truth, levels = pd.read_csv(args.table), args.levels.split(",")
    for seed in range(args.seeds):
        hidden = (np.random.default_rng(seed).random(truth.shape) < HIDDEN) & truth.notna().to_numpy()
        for method in (missvae, extra_trees):
            completed = method(truth.mask(hidden), levels, seed, args.program)
            right, squares = [], []
            for place, name in enumerate(truth):
                rows = np.flatnonzero(hidden[:, place])
                pairs = zip(completed[name].iloc[rows], truth[name].iloc[rows])
                if name in levels:
                    right += [same(one, other) for one, other in pairs]
                else:
                    squares += [((one - other) / truth[name].std()) ** 2 for one, other in pairs]
            print(f"seed {seed}  {method.__name__:12} accuracy {np.mean(right):.3f}  rmse {np.mean(squares) ** 0.5:.3f}")


if __name__ == "__main__":
    main()
