"""Is separation found where there is one, and nowhere else? Linear programming is the judge.

    python3 tests/separation.py target/release/missvae [SEED]

Needs NumPy and SciPy. Draws 600 small tables with numbers and indicators on several scales, of which some can be separated, and
runs `missvae pool --family binomial` on each. A linear program (Konis 2007) says whether a combination of the columns tells the
successes apart: of all rows, of some, or of none. Whether there is a separation must always be the same. Its kind may differ in a
few tables: rows that are told apart by little may be so only after missvae's last iteration.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.optimize import linprog

KINDS = ["none", "quasi-complete", "complete"]


def separation(x, y):
    """The verdict for a matrix with an intercept, whose columns are between -1 and 1."""
    sides = np.where(y == 1, 1, -1)[:, None] * x
    zeros, bounds = np.zeros(len(y)), [(-1, 1)] * x.shape[1]
    most = linprog(-sides.sum(0), A_ub=-sides, b_ub=zeros, bounds=bounds, method="highs")
    if -most.fun < 1e-9:
        return "none"
    margin = np.append(np.zeros(x.shape[1]), -1.0)
    rows = np.hstack([-sides, np.ones((len(y), 1))])
    most = linprog(margin, A_ub=rows, b_ub=zeros, bounds=bounds + [(None, 1)], method="highs")
    return "complete" if -most.fun > 1e-9 else "quasi-complete"


def column(random, rows):
    kind = random.integers(4)
    if kind == 0:
        return random.normal(size=rows)
    if kind == 1:
        return (random.random(rows) < random.uniform(0.1, 0.5)).astype(float)
    if kind == 2:
        return random.integers(0, 4, rows).astype(float)
    return random.normal(size=rows) * 10.0 ** random.integers(-4, 5) + random.choice([0, 100])


def verdict(program, folder, x, y):
    names = [f"x{j}" for j in range(1, x.shape[1])]
    lines = [",".join(map(repr, map(float, [y[n], *x[n, 1:]]))) for n in range(len(y))]
    files = [folder / "a.csv", folder / "b.csv"]
    for file in files:
        file.write_text("\n".join([",".join(["y", *names]), *lines]) + "\n")
    formula = "y ~ " + " + ".join(names)
    command = [program, "pool", *files, "--family", "binomial", "--formula", formula, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return "none"
    found = [kind for kind in ("quasi-complete", "complete") if f"{kind} separation" in done.stderr]
    return found[0] if found else done.stderr.strip()


def main():
    random, verdicts = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 1), Counter()
    with tempfile.TemporaryDirectory() as name:
        for _ in range(600):
            rows, columns = int(random.integers(10, 60)), int(random.integers(1, 5))
            x = np.column_stack([np.ones(rows)] + [column(random, rows) for _ in range(columns)])
            # With an intercept, neither the origin nor the unit of a column matters: the judge is given those it is exact in.
            centred = x - np.where(np.arange(columns + 1) > 0, x.mean(0), 0)
            largest = np.abs(centred).max(0)
            if (largest == 0).any() or np.linalg.matrix_rank(centred / largest) <= columns:
                continue
            eta = centred / largest @ (random.normal(size=columns + 1) * random.choice([1, 4, 10]))
            y = (random.random(rows) < 1 / (1 + np.exp(-eta))).astype(float)
            verdicts[separation(centred / largest, y), verdict(sys.argv[1], Path(name), x, y)] += 1
    for (truth, found), count in sorted(verdicts.items()):
        print(f"{count:4} tables: {truth}; missvae says: {found}")
    if any((truth == "none") != (found == "none") for truth, found in verdicts) or {truth for truth, _ in verdicts} != set(KINDS):
        sys.exit("the verdicts differ")


main()
