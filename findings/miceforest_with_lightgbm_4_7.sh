#!/usr/bin/env bash
# One would guess: miceforest imputes with whatever LightGBM its own requirement (lightgbm >= 4.1.0) lets pip install.
# What happens: with LightGBM 4.7.0 every imputation stops with a TypeError; with 4.6.0 the same lines work.
# Why: miceforest calls a private method of LightGBM's Booster, whose arguments changed in 4.7.0.
# Versions: miceforest 6.0.5, LightGBM 4.7.0 and 4.6.0, NumPy 2.3.5, pandas 2.3.3.
# Why it matters: a fresh `pip install miceforest` cannot impute. Who compares imputers has to pin LightGBM.
# For missvae: benches/peers/impute.py and docs/results.md name LightGBM 4.6.0.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cat > "$place/impute.py" <<'PY'
import numpy, pandas, miceforest

numbers = numpy.random.default_rng(1)
first = numbers.normal(size=200)
table = pandas.DataFrame({"a": first, "b": first + 0.1 * numbers.normal(size=200)})
table.loc[::5, "b"] = numpy.nan
try:
    kernel = miceforest.ImputationKernel(table, num_datasets=1, random_state=1)
    kernel.mice(2)
    print("cells still missing:", int(kernel.complete_data(0).isna().sum().sum()))
except Exception as error:
    print(type(error).__name__)
PY
python3 -m venv "$place/venv"
status=0
for case in "4.7.0=TypeError" "4.6.0=cells still missing: 0"; do
    lightgbm=${case%%=*} expected=${case#*=}
    "$place/venv/bin/pip" -q install numpy==2.3.5 pandas==2.3.3 miceforest==6.0.5 "lightgbm==$lightgbm"
    found=$("$place/venv/bin/python" "$place/impute.py" 2>/dev/null | tail -n 1)
    echo "miceforest 6.0.5, LightGBM $lightgbm: $found (expected: $expected)"
    [ "$found" = "$expected" ] || status=1
done
exit $status
