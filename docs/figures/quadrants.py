"""Draws imputed quadrants of MNIST test images: truth, what was observed, means and draws of what was not.

    python docs/figures/quadrants.py --run RUN --images t10k-images-idx3-ubyte.gz --out quadrants.png \
        [--program target/release/missvae]

RUN is a run on 28 x 28 images (`missvae train ... --preset mnist`). Of the first images two of four quadrants each are
hidden here, by a seed, and completed by `missvae impute`. Needs NumPy and Matplotlib.
"""

import argparse
import gzip
import subprocess
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

IMAGES, SIZE, DRAWS, SEED = 12, 28, 3, 0


def read(path):
    """The first images of an IDX file, in two tones as the program makes them: each pixel white with probability x/255."""
    opened = gzip.open(path, "rb") if str(path).endswith(".gz") else open(path, "rb")
    with opened as file:
        head = file.read(16)
        assert head[:4] == bytes([0, 0, 8, 3]), f"{path}: not IDX images"
        pixels = np.frombuffer(file.read(IMAGES * SIZE * SIZE), np.uint8)
    grey = pixels.reshape(IMAGES, SIZE * SIZE) / 255
    return np.where(np.random.default_rng(SEED).random(grey.shape) < grey, 255.0, 0.0)


def hide(images):
    """A copy without two quadrants of each image."""
    left = images.reshape(IMAGES, SIZE, SIZE).copy()
    rng, half = np.random.default_rng(SEED + 1), SIZE // 2
    for image in left:
        for quadrant in rng.choice(4, 2, replace=False):
            y, x = half * (quadrant // 2), half * (quadrant % 2)
            image[y : y + half, x : x + half] = np.nan
    return left.reshape(IMAGES, -1)


def impute(options, place, statistic, seed):
    out = place / f"{statistic}-{seed}.npy"
    command = [options.program, "impute", options.run, place / "observed.npy", "--statistic", statistic]
    subprocess.run([*command, "--seed", str(seed), "--out", out, "--quiet"], check=True)
    return np.load(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/missvae")
    for option in ["--run", "--images", "--out"]:
        parser.add_argument(option, required=True)
    options = parser.parse_args()
    truth = read(options.images)
    observed = hide(truth)
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        np.save(place / "observed.npy", observed.astype(np.float32))
        rows = [("truth", truth), ("observed", observed), ("mean", impute(options, place, "mean", 0))]
        rows += [(f"draw {draw + 1}", impute(options, place, "draw", draw)) for draw in range(DRAWS)]
    figure, axes = plt.subplots(len(rows), IMAGES, figsize=(0.72 * IMAGES + 0.8, 0.72 * len(rows)))
    shades = plt.get_cmap("gray").copy()
    shades.set_bad("#7aa6c2")
    for line, (name, images) in zip(axes, rows):
        for axis, image in zip(line, images):
            axis.imshow(image.reshape(SIZE, SIZE), cmap=shades, vmin=0, vmax=255, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.subplots_adjust(left=0.09, right=0.995, top=0.99, bottom=0.01, wspace=0.06, hspace=0.06)
    figure.savefig(options.out, dpi=110)


if __name__ == "__main__":
    main()
