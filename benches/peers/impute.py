"""Imputation of real tables: missvae beside scikit-learn's imputers and miceforest.

    python benches/peers/impute.py --program target/release/missvae --shared ../shared/data [--tables wine,penguins]
        [--methods missvae,bayesian-ridge] [--seeds 3] [--train "--method miwae"] [--out results.jsonl]

A share of the observed cells (30%) is hidden, completely at random. Each method sees the rest, on one thread, and gives a
point estimate and 20 draws of every hidden cell. All figures are in units of the columns' standard deviations:

  rmse      root mean square error of the point estimates
  crps      continuous ranked probability score of the 20 draws (Gneiting and Raftery 2007, eq. 20 with unbiased pairs)
  coverage  share of the hidden cells between the smallest and the largest of the 20 draws: of calibrated draws 19/21, so
            this is the 90% interval
  seconds   processor time of a fit and one imputation by the point estimate

--transform gives missvae each column as a monotone function of its observed values: of their ranks, to a normal, or of a
power (Yeo and Johnson 2000). Draws are taken back. The point estimate is then the mean of 50 draws; with `identity` too, to
compare with.

KNNImputer and ExtraTrees give no draws, so they have no crps and no coverage. Needs NumPy, pandas, scikit-learn, and
miceforest for its row.
"""

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402: the threads must be set before

HIDDEN = 0.3
DRAWS = 20
PENGUINS = Path(__file__).resolve().parents[2] / "models" / "data" / "penguins-raw.csv"
PENGUIN_COLUMNS = ["Culmen Length (mm)", "Culmen Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"]


def sklearn_table(name):
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")().data


def penguins(_):
    import pandas

    values = pandas.read_csv(PENGUINS)[PENGUIN_COLUMNS].to_numpy(float)
    return values[~np.isnan(values).all(axis=1)]


def miniboone(shared):
    return np.load(shared / "miniboone" / "val.npy")[:2000].astype(float)


def weather(shared):
    import pandas

    frame = pandas.read_csv(shared / "weather" / "weather.csv")
    numbers = frame[["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]].dropna()
    return numbers.sample(2000, random_state=0).to_numpy(float)


TABLES = {
    "penguins": penguins,
    "wine": lambda _: sklearn_table("wine"),
    "diabetes": lambda _: sklearn_table("diabetes"),
    "breast-cancer": lambda _: sklearn_table("breast_cancer"),
    "weather": weather,
    "miniboone": miniboone,
}


def hide(values, seed):
    """A copy with hidden cells, and where those are. No row and no column loses all its cells."""
    hidden = np.random.default_rng(seed).random(values.shape) < HIDDEN
    hidden &= ~np.isnan(values)
    emptied = (hidden | np.isnan(values)).all(axis=1)
    hidden[emptied] = False
    return np.where(hidden, np.nan, values), hidden


def process_seconds():
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def transform(name):
    from sklearn import preprocessing

    return {
        "identity": preprocessing.FunctionTransformer,
        "rank": lambda: preprocessing.QuantileTransformer(n_quantiles=1000, output_distribution="normal"),
        "yeo-johnson": preprocessing.PowerTransformer,
    }[name]()


def transformed(table, seed, args):
    way = transform(args.transform)
    given = way.fit_transform(table)
    mean, copies, seconds = fitted(given, seed, args, 50)
    copies = np.stack([way.inverse_transform(copy) for copy in copies])
    # A power may have no inverse beyond the observed values.
    copies = np.clip(copies, np.nanmin(table, axis=0), np.nanmax(table, axis=0)) if args.transform == "yeo-johnson" else copies
    return copies.mean(axis=0), copies[:DRAWS], seconds


def missvae(table, seed, args):
    return transformed(table, seed, args) if args.transform else fitted(table, seed, args, DRAWS)


def fitted(table, seed, args, count):
    names = [f"c{d}" for d in range(table.shape[1])]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def write(path):
            lines = [",".join("" if np.isnan(x) else repr(float(x)) for x in row) for row in table]
            path.write_text("\n".join([",".join(names), *lines]) + "\n")

        def read(path):
            return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)

        def call(*words):
            command = [args.program, *map(str, words), "--threads", "1", "--quiet", "--seed", str(seed)]
            subprocess.run(command, check=True)

        write(folder / "t.csv")
        start = process_seconds()
        call("train", folder / "t.csv", "--out", folder / "run", *shlex.split(args.train))
        call("impute", folder / "run", folder / "t.csv", "--out", folder / "mean.csv", *shlex.split(args.impute))
        seconds = process_seconds() - start
        draws = folder / "draw.csv"
        call("impute", folder / "run", folder / "t.csv", "--out", draws, "--draws", count, *shlex.split(args.impute))
        copies = np.stack([read(folder / f"draw.{i + 1}.csv") for i in range(count)])
        return read(folder / "mean.csv"), copies, seconds


def scaled(table, impute):
    """Fits on standardised columns, as a user of distances or of ridge penalties would."""
    centre, scale = np.nanmean(table, axis=0), np.nanstd(table, axis=0)
    scale = np.where(scale > 0, scale, 1)
    start = process_seconds()
    mean, draws = impute((table - centre) / scale)
    seconds = process_seconds() - start
    back = lambda values: values * scale + centre  # noqa: E731
    return back(mean), None if draws is None else back(draws()), seconds


def column_means(table, seed, args):
    return scaled(table, lambda x: (np.where(np.isnan(x), 0.0, x), None))


def knn(table, seed, args):
    from sklearn.impute import KNNImputer

    return scaled(table, lambda x: (KNNImputer(n_neighbors=5).fit_transform(x), None))


def chained(estimator, posterior, table, seed):
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    def fit(x):
        mean = IterativeImputer(estimator(), random_state=seed, max_iter=10).fit_transform(x)
        if not posterior:
            return mean, None

        def draw(i):
            one = IterativeImputer(estimator(), random_state=1000 * seed + i, max_iter=10, sample_posterior=True)
            return one.fit_transform(x)

        return mean, lambda: np.stack([draw(i) for i in range(DRAWS)])

    return scaled(table, fit)


def bayesian_ridge(table, seed, args):
    from sklearn.linear_model import BayesianRidge

    return chained(BayesianRidge, True, table, seed)


def extra_trees(table, seed, args):
    from sklearn.ensemble import ExtraTreesRegressor

    forest = lambda: ExtraTreesRegressor(n_estimators=100, n_jobs=1, random_state=seed)  # noqa: E731
    return chained(forest, False, table, seed)


def miceforest(table, seed, args):
    import miceforest as mf
    import pandas

    frame = pandas.DataFrame(table, columns=[f"c{d}" for d in range(table.shape[1])])

    def completed(datasets):
        kernel = mf.ImputationKernel(frame, num_datasets=datasets, random_state=seed)
        kernel.mice(5, num_threads=1, verbose=False)
        return np.stack([kernel.complete_data(i).to_numpy(float) for i in range(datasets)])

    start = process_seconds()
    five = completed(5)
    seconds = process_seconds() - start
    return five.mean(axis=0), completed(DRAWS), seconds


METHODS = {
    "missvae": missvae,
    "column-means": column_means,
    "knn": knn,
    "bayesian-ridge": bayesian_ridge,
    "extra-trees": extra_trees,
    "miceforest": miceforest,
}


def scores(truth, mean, draws, hidden, scale):
    error = ((mean - truth) / scale)[hidden]
    result = {"cells": int(hidden.sum()), "rmse": float(np.sqrt(np.mean(error**2)))}
    if draws is not None:
        copies = (draws / scale)[:, hidden]
        value = (truth / scale)[hidden]
        pairs = np.abs(copies[:, None] - copies[None]).sum(axis=(0, 1)) / (DRAWS * (DRAWS - 1))
        result["crps"] = float(np.mean(np.abs(copies - value).mean(axis=0) - 0.5 * pairs))
        low, high = copies.min(axis=0), copies.max(axis=0)
        result["coverage"] = float(np.mean((low <= value) & (value <= high)))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="target/release/missvae")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", default="", help="options of missvae train (default: none)")
    parser.add_argument("--impute", default="", help="options of missvae impute (default: none)")
    parser.add_argument("--transform", choices=["identity", "rank", "yeo-johnson"], help="of the columns, for missvae")
    parser.add_argument("--out", type=Path, help="also write a JSON line for each fit")
    args = parser.parse_args()
    args.program = str(Path(args.program).resolve())
    for table in args.tables.split(","):
        truth = TABLES[table](args.shared)
        for method in args.methods.split(","):
            rows = []
            for seed in range(1, args.seeds + 1):
                incomplete, hidden = hide(truth, seed)
                scale = np.nanstd(incomplete, axis=0)
                began = time.time()
                mean, draws, seconds = METHODS[method](incomplete, seed, args)
                row = {"table": table, "method": method, "seed": seed, "seconds": seconds}
                row |= scores(truth, mean, draws, hidden, scale) | {"wall": time.time() - began}
                rows.append(row)
                if args.out:
                    with open(args.out, "a") as file:
                        file.write(json.dumps(row) + "\n")
            means = {key: np.mean([row[key] for row in rows]) for key in ("rmse", "crps", "coverage", "seconds") if key in rows[0]}
            print(f"{table:14} {method:15} " + "  ".join(f"{key} {value:.3f}" for key, value in means.items()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
