"""Draws docs/figures/penguins.png from a run of the program on the bundled penguins table.

    python docs/figures/penguins.py [--program target/release/missvae]

It hides a fifth of the observed cells itself, so that their true values are known to it and to nobody else, fits a
model to what is left (`missvae train`), completes the table 20 times (`missvae impute --draws 20`) and compares.
Needs NumPy and Matplotlib. The picture depends on the two seeds below and on nothing else.
"""

import argparse
import csv
import json
import subprocess
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).resolve().parent
TABLE = HERE.parents[1] / "models" / "data" / "penguins-raw.csv"
PICTURE = HERE / "penguins.png"
COLUMNS = [
    "Culmen Length (mm)",
    "Culmen Depth (mm)",
    "Flipper Length (mm)",
    "Body Mass (g)",
    "Delta 15 N (o/oo)",
    "Delta 13 C (o/oo)",
]
X, Y = 0, 1  # the columns of the scatter plot
HIDE = 0.2
DRAWS = 20
HIDING_SEED = 1
MODEL_SEED = 1
COLOURS = ["#0072b2", "#000000", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"]  # Okabe and Ito
MARKS = ["o", "s", "^", "D", "v", "X"]
BARS = 6  # every so many cells has a bar: all of them would hide each other
GREY = "#9a9a9a"


def read(path):
    """The six columns as numbers, NaN where missing."""
    with open(path, newline="") as file:
        rows = csv.DictReader(file)
        return np.array([[float("nan" if row[c] == "NA" else row[c]) for c in COLUMNS] for row in rows])


def write(path, values):
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        out.writerows([["NA" if np.isnan(x) else repr(float(x)) for x in row] for row in values])


def hide(values):
    """A copy without a fifth of its observed cells, and where those were."""
    observed = np.flatnonzero(~np.isnan(values))
    chosen = np.random.default_rng(HIDING_SEED).choice(observed, int(HIDE * len(observed)), replace=False)
    hidden = np.zeros(values.shape, bool)
    hidden.flat[chosen] = True
    return np.where(hidden, np.nan, values), hidden


def run(program, folder, table):
    """Training metrics, the table completed by conditional means, and by draws."""

    def call(*arguments):
        subprocess.run([program, *map(str, arguments), "--seed", str(MODEL_SEED), "--quiet"], check=True)

    fitted = folder / "run"
    call("train", table, "--out", fitted)
    call("impute", fitted, table, "--out", folder / "mean.csv")
    call("impute", fitted, table, "--out", folder / "draw.csv", "--draws", DRAWS)
    metrics = [json.loads(line) for line in (fitted / "metrics.jsonl").read_text().splitlines()]
    draws = np.stack([read(folder / f"draw.{i + 1}.csv") for i in range(DRAWS)])
    return metrics, read(folder / "mean.csv"), draws


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="target/release/missvae")
    program = parser.parse_args().program

    truth = read(TABLE)
    table, hidden = hide(truth)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write(folder / "table.csv", table)
        metrics, mean, draws = run(program, folder, folder / "table.csv")

    centre, scale = np.nanmean(table, axis=0), np.nanstd(table, axis=0)
    errors = ((mean - truth) / scale)[hidden]
    baseline = ((centre - truth) / scale)[hidden]
    low, high = draws.min(axis=0), draws.max(axis=0)
    covered = ((low <= truth) & (truth <= high))[hidden]
    rmse, rmse_baseline = (np.sqrt(np.mean(e**2)) for e in (errors, baseline))
    # 21 exchangeable values: the truth falls outside the range of the other 20 with probability 2/21.
    nominal = (DRAWS - 1) / (DRAWS + 1)
    print(f"{hidden.sum()} hidden cells: RMSE {rmse:.3f}, column means {rmse_baseline:.3f} (standardised)")
    print(f"in the range of {DRAWS} draws: {covered.mean():.1%}; calibrated draws would give {nominal:.1%}")

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9.5})
    figure, (curve, plane, cells) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")

    epochs = [m["epoch"] for m in metrics]
    objective = np.array([m["objective"] for m in metrics])
    curve.plot(epochs, objective, color="#0072b2", linewidth=1)
    curve.set(xlabel="epoch", ylabel="bound, nats a row", title="Training: the bound that is maximised")
    curve.set_ylim(np.quantile(objective, 0.01), None)
    curve.set_xlim(0, None)

    complete = ~np.isnan(table[:, [X, Y]]).any(axis=1)
    one_seen = ~complete & ~np.isnan(table[:, [X, Y]]).all(axis=1)
    plane.scatter(table[complete, X], table[complete, Y], s=14, color=GREY, linewidths=0, label="both observed")
    plane.scatter(
        draws[0, one_seen, X], draws[0, one_seen, Y], s=16, color="#d55e00", linewidths=0, label="one of them drawn"
    )
    plane.set(xlabel=COLUMNS[X], ylabel=COLUMNS[Y], title="One of the completed tables")
    plane.set_ylim(np.nanmin(truth[:, Y]) - 1.5, None)
    plane.legend(loc="lower left", ncols=2, frameon=False, fontsize=8, handletextpad=0.2)

    for d, (name, colour, mark) in enumerate(zip(COLUMNS, COLOURS, MARKS)):
        at = hidden[:, d]
        x, y, lowest, highest = ((v[at, d] - centre[d]) / scale[d] for v in (truth, mean, low, high))
        cells.vlines(x[::BARS], lowest[::BARS], highest[::BARS], color=colour, linewidth=0.7, alpha=0.6)
        cells.scatter(x, y, s=11, color=colour, marker=mark, linewidths=0, label=name, zorder=2)
    ends = (-3.2, 3.2)
    cells.plot(ends, ends, color="black", linewidth=0.8, zorder=1)
    cells.axhline(0, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    cells.set(xlim=ends, ylim=ends, xlabel="true value, standardised")
    cells.set_ylabel(f"imputed: mean (dot), range of {DRAWS} draws (some lines)")
    cells.set_title(f"{hidden.sum()} hidden cells: RMSE {rmse:.2f}, column means {rmse_baseline:.2f}")
    cells.legend(loc="lower right", ncols=2, frameon=False, fontsize=7, handletextpad=0.1, columnspacing=0.6)

    figure.savefig(PICTURE, dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
