#!/usr/bin/env python3
"""Imputes and scores many rows from a pipe to a pipe, and tells the largest resident memory of the program.

    tests/stream_memory.py target/release/missvae [--rows 1000000] [--columns 20] [--threads 1 2] [--most 200]

A small model is fitted to 2,000 rows. Then the rows go to `missvae impute RUN - --out -` and are counted on the other side;
and to `missvae evaluate RUN -`. The exit status is 1 if a process takes more than `--most` MiB, or rows are missing, or the
bytes differ between numbers of threads. Memory is VmHWM of /proc: Linux only.

Needs Python 3.9, and nothing beside it.
"""

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# Rows that are made once and repeated: making them must not take longer than imputing them.
MADE = 50_000


def made_rows(columns):
    rng = random.Random(1)

    def row():
        z, w = rng.gauss(0, 1), rng.gauss(0, 1)
        cell = lambda d: f"{z * (d % 5 + 1) / 2 + w * (d % 3) + rng.gauss(0, 0.5):.4f}"
        return ",".join("" if rng.random() < 0.1 else cell(d) for d in range(columns))

    return [row() + "\n" for _ in range(MADE)]


def feed(pipe, header, rows, count):
    whole = "".join(rows).encode()
    pipe.write(header.encode())
    for _ in range(count // len(rows)):
        pipe.write(whole)
    pipe.write("".join(rows[: count % len(rows)]).encode())
    pipe.close()


def peak(process, found):
    """Looks at the memory until the process ends."""
    path = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        for line in path.read_text().splitlines():
            if line.startswith("VmHWM"):
                found[0] = max(found[0], int(line.split()[1]) / 1024)
        time.sleep(0.05)


def run(command, header, rows, count):
    """Seconds, peak MiB, lines on standard output, and their digest."""
    begin, found = time.monotonic(), [0.0]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threads = [
        threading.Thread(target=feed, args=(process.stdin, header, rows, count)),
        threading.Thread(target=peak, args=(process, found)),
    ]
    [thread.start() for thread in threads]
    lines, digest = 0, hashlib.sha256()
    while part := process.stdout.read(1 << 20):
        lines += part.count(b"\n")
        digest.update(part)
    status = process.wait()
    [thread.join() for thread in threads]
    if status:
        sys.exit(f"status {status} of {' '.join(command)}")
    return time.monotonic() - begin, found[0], lines, digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--proposals", type=int, default=1, help="importance samples of a row")
    parser.add_argument("--most", type=float, default=200, help="MiB that are allowed")
    args = parser.parse_args()
    program, faults = str(args.program.resolve()), 0
    header, rows = ",".join(f"x{d}" for d in range(args.columns)) + "\n", made_rows(args.columns)
    with tempfile.TemporaryDirectory() as place:
        table, model = Path(place) / "table.csv", str(Path(place) / "run")
        table.write_text(header + "".join(rows[:2000]))
        train = [program, "train", str(table), "--hidden", "16", "--blocks", "1", "--epochs", "10", "--quiet"]
        subprocess.run([*train, "--out", model], check=True)
        samples = str(args.proposals)
        print("| command | rows | threads | peak MiB | rows a second |\n|---|---|---|---|---|")
        for name, words, lines in [
            ("impute", ["--out", "-", "--proposals", samples], args.rows + 1),
            ("evaluate", ["--likelihood", "iwelbo", "--importance-samples", samples, "--json"], 1),
        ]:
            digests = set()
            for threads in args.threads:
                command = [program, name, model, "-", *words, "--quiet", "--threads", str(threads)]
                seconds, memory, found, digest = run(command, header, rows, args.rows)
                print(f"| `{name}` | {args.rows:,} | {threads} | {memory:.0f} | {args.rows / seconds:,.0f} |", flush=True)
                faults += memory > args.most or found != lines
                digests.add(digest)
            faults += len(digests) > 1
    print(f"{faults} faults")
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
