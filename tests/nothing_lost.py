#!/usr/bin/env python3
"""Kills the program at random moments, and lets its disk run full, and looks at what is left.

    tests/nothing_lost.py target/release/missvae [--kills 200] [--full 50] [--seed 1]

Kills (SIGKILL) fall on `train`, on `train --overwrite`, on `impute --draws 20` and on `reproduce fig6`. What must hold: a run
that is gone on with has the bits of one that was not killed; a run that was to be replaced, or what replaced it, can be used;
completed tables are whole; nothing that a killed process left stays after the next one.

A disk that runs full is a tmpfs of a random size, in a mount namespace of its own (Linux; `unshare -rm` must be allowed). What
must hold: status 0 or 1; with 1, all files are as they were, or a run can be gone on with, and the message says so.

Needs Python 3.9, and nothing beside it.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SMALL = ["--hidden", "16", "--blocks", "1", "--threads", "1"]


def write_table(path, rows, columns, rng):
    with open(path, "w") as file:
        file.write(",".join(f"x{d}" for d in range(columns)) + "\n")
        for _ in range(rows):
            z = rng.gauss(0, 1)
            cells = ["" if rng.random() < 0.2 else f"{z * (d + 1) + rng.gauss(0, 0.5):.4f}" for d in range(columns)]
            file.write(",".join(cells) + "\n")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def snapshot(directory):
    return {str(p.relative_to(directory)): digest(p) for p in sorted(directory.rglob("*")) if p.is_file()}


class Checks:
    def __init__(self, program, place, rng):
        self.program, self.place, self.rng = program, place, rng
        self.kills = self.faults = 0

    def run(self, *words, **more):
        return subprocess.run([self.program, *words], cwd=self.place, capture_output=True, text=True, **more)

    def fault(self, *what):
        self.faults += 1
        print("FAULT:", *what)

    def killed(self, longest, *words):
        """Runs a command and kills it after a random time; true if it was still at work."""
        child = subprocess.Popen(
            [self.program, *words], cwd=self.place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            child.wait(timeout=self.rng.uniform(0, longest))
            return False
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            self.kills += 1
            return True

    def took(self, *words):
        start = time.monotonic()
        done = self.run(*words)
        if done.returncode != 0:
            sys.exit(f"{words}: {done.stderr}")
        return time.monotonic() - start

    def leftovers(self, directory):
        return [p.name for p in (self.place / directory).rglob("*") if p.name.endswith(".tmp") or p.name == ".new"]

    def train(self, kills):
        train = ["train", "t.csv", "--epochs", "60", "--checkpoint-every", "0", "--quiet", *SMALL]
        longest = self.took(*train, "--out", "whole")
        count = 0
        while count < kills:
            shutil.rmtree(self.place / "r", ignore_errors=True)
            command = [*train, "--out", "r"]
            while count < kills and self.killed(longest, *command):
                count += 1
                started = (self.place / "r" / "config.toml").exists()
                command = ["train", "--resume", "r", "--checkpoint-every", "0", "--quiet", "--threads", "1"]
                command = command if started else [*train, "--out", "r"]
            # The last command may have come to its end.
            started = (self.place / "r" / "config.toml").exists()
            command = ["train", "--resume", "r", "--quiet", "--threads", "1"] if started else command
            done = self.run(*command)
            if done.returncode != 0:
                self.fault("train", command, done.stderr)
            elif digest(self.place / "r/model.safetensors") != digest(self.place / "whole/model.safetensors"):
                self.fault("a run that was gone on with has other bits")
            if self.leftovers("r"):
                self.fault("train left", self.leftovers("r"))

    def overwrite(self, kills):
        shutil.copytree(self.place / "whole", self.place / "o")
        train = ["train", "t.csv", "--epochs", "20", "--quiet", "--overwrite", "--out", "o", *SMALL]
        longest = self.took(*[word if word != "o" else "p" for word in train])
        for _ in range(kills):
            while not self.killed(longest, *train):
                pass
            done = self.run("impute", "o", "t.csv", "--out", "o.csv", "--quiet", "--threads", "1")
            if done.returncode != 0:
                self.fault("after --overwrite was killed:", done.stderr)
        if self.run(*train).returncode != 0 or self.leftovers("o"):
            self.fault("--overwrite after kills left", self.leftovers("o"))
        if digest(self.place / "o/model.safetensors") != digest(self.place / "p/model.safetensors"):
            self.fault("--overwrite after kills has other bits")

    def impute(self, kills):
        impute = ["impute", "whole", "t.csv", "--draws", "20", "--quiet", "--threads", "1", "--out", "i/c.csv"]
        (self.place / "i").mkdir()
        longest = self.took(*impute)
        whole = snapshot(self.place / "i")
        for _ in range(kills):
            shutil.rmtree(self.place / "i")
            (self.place / "i").mkdir()
            while not self.killed(longest, *impute):
                pass
            left = {name: value for name, value in snapshot(self.place / "i").items() if not name.endswith(".tmp")}
            if any(whole.get(name) != value for name, value in left.items()):
                self.fault("a table that is not whole:", left.keys())
            # Names are given one after the other: a kill between two of them is the only way to a part of the tables.
            if left and len(left) < len(whole):
                print(f"note: killed between two renames, {len(left)} of {len(whole)} tables are there")
            if self.run(*impute).returncode != 0 or snapshot(self.place / "i") != whole:
                self.fault("impute after a kill left", snapshot(self.place / "i").keys() - whole.keys())

    def reproduce(self, kills):
        reproduce = ["reproduce", "fig6", "--rows", "120", "--epochs", "2", "--hidden", "8", "--seeds", "1", "--quiet"]
        reproduce += ["--jobs", "1", "--threads", "1", "--out"]
        longest = self.took(*reproduce, "whole-fig")
        wanted = digest(self.place / "whole-fig/fig6.csv")
        for _ in range(kills):
            if not self.killed(longest, *reproduce, "fig"):
                shutil.rmtree(self.place / "fig")
        done = self.run(*reproduce, "fig")
        if done.returncode != 0:
            self.fault("reproduce", done.stderr)
        elif digest(self.place / "fig/fig6.csv") != wanted:
            self.fault("the figure's table is another after kills")

    def full(self, count):
        """Disks of random sizes: the old run and the table fit, the new files may not."""
        write_table(self.place / "wide.csv", 300, 40, self.rng)
        old = sum(p.stat().st_size for p in (self.place / "whole").iterdir()) // 1024 + 40
        refused = 0
        for i in range(count):
            train = i % 2 == 0
            more = self.rng.randrange(0, 1500 if train else 900)
            script = f"""
mount -t tmpfs -o size={old + more}k tmpfs d || exit 99
cp -r whole d/r; find d -type f | sort | xargs sha256sum > before
{"$1 train wide.csv --overwrite --epochs 3 --out d/r --threads 1" if train else "$1 impute whole t.csv --draws 20 --out d/c.csv --threads 1"} > said 2>&1
echo $? > status; find d -type f | sort | xargs sha256sum > after
$1 impute d/r t.csv --out o.csv --quiet --threads 1 2> used || {"$1 impute d/r wide.csv --out o.csv --quiet --threads 1 2> used ||" if train else ""} echo unusable >> status
"""
            (self.place / "d").mkdir(exist_ok=True)
            done = subprocess.run(
                ["unshare", "-rm", "sh", "-c", script, "sh", self.program], cwd=self.place, capture_output=True, text=True
            )
            if done.returncode == 99:
                sys.exit("no tmpfs can be mounted here: " + done.stderr)
            status, said = (self.place / "status").read_text().split(), (self.place / "said").read_text()
            same = (self.place / "before").read_text() == (self.place / "after").read_text()
            if "unusable" in status or status[0] not in ("0", "1"):
                self.fault("disk of", old + more, "KiB:", status, said)
            if status[0] == "1":
                refused += 1
                if "disk is full" not in said:
                    self.fault("a full disk is not told:", said)
                if "unchanged" in said and not same:
                    self.fault("told as unchanged:", said, (self.place / "after").read_text())
        print(f"full disks: {count}, of which {refused} were too small for the new files")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--full", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as place:
        checks = Checks(os.path.abspath(args.program), Path(place), rng)
        write_table(Path(place) / "t.csv", 300, 4, rng)
        share = args.kills // 4
        checks.train(share)
        checks.overwrite(share)
        checks.impute(share)
        checks.reproduce(args.kills - 3 * share)
        print(f"kills: {checks.kills}")
        if args.full:
            checks.full(args.full)
        print("faults:", checks.faults)
        sys.exit(checks.faults > 0)


if __name__ == "__main__":
    main()
