#!/usr/bin/env python3
"""Times missvae's training step and its peers in turn, and prints the ratios of their medians.

    compare.py --ours "COMMAND" [--threads 1 2] [--modes eager fused compiled] [--rounds 3] [CONFIG...]

COMMAND is run once a round and thread count, through the shell. In it {threads} stands for the thread
count and {configs} for the configurations asked for, separated by spaces. It prints a JSON line a configuration,
among any other output:

    {"config": "MissSVAE-5", "threads": 1, "median_ms": 4.2, "p5_ms": 4.1}

A round runs every engine once at every thread count, one after the other and never two at once; every
second round goes in the opposite order, so that a slow drift of the machine favours nobody. Needs only
the standard library; the peers are run with --python.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

OURS = "missvae"
PEER_SCRIPT = Path(__file__).resolve().with_name("step_torch.py")
JAX_SCRIPT = PEER_SCRIPT.with_name("step_jax.py")
# glibc's malloc keeps what the Rust peers free, up to 1 and 4 GiB, instead of returning it to the system every step.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
# Those that need implicit reparametrisation, which the Rust peers do not have.
ANCESTRAL = frozenset({"MissVAE-5", "MissVAE-25", "MissIWAE-5", "MissIWAE-25"})


@dataclass
class Engine:
    """Something that prints timings. `command` is a template with {threads} and {configs}."""

    name: str
    command: str
    environment: dict[str, str] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()  # configurations that it cannot run

    def run(self, threads: int, configs: list[str]) -> list[dict]:
        """The timing lines of one run; ends the comparison with a message if the command fails."""
        if configs:
            configs = [config for config in configs if config not in self.lacks]
            if not configs:
                return []
        command = self.command.replace("{threads}", str(threads))
        command = command.replace("{configs}", shlex.join(configs))
        process = subprocess.Popen(
            command, shell=True, stdout=subprocess.PIPE, text=True, env=os.environ | self.environment
        )
        output = process.stdout.read()
        # Not `wait`, which does not say how much memory the process took.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"compare.py: {self.name}: exit code {process.returncode} from: {command}")
        lines = [line for line in map(timing_line, output.splitlines()) if line]
        about = {"engine": self.name, "peak_mib": round(usage.ru_maxrss / 1024)}
        lines = [line | about for line in lines if line["threads"] == threads]
        if configs:
            lines = [line for line in lines if line["config"] in configs]
        if not lines:
            sys.exit(f"compare.py: {self.name}: no timing lines for {threads} thread(s) from: {command}")
        return lines


def timing_line(text: str) -> dict | None:
    """The timing that a line of output holds, if it holds one."""
    if not text.startswith("{"):
        return None
    try:
        line = json.loads(text)
    except json.JSONDecodeError:
        return None
    return line if {"config", "threads", "median_ms", "p5_ms"} <= line.keys() else None


def peers(args: argparse.Namespace) -> list[Engine]:
    """PyTorch in each mode asked for, and again with the library to preload, if one is given; then those asked for."""
    engines = []
    script = shlex.join([args.python, str(PEER_SCRIPT)])
    for mode in args.modes:
        timing = f"--mode {mode} --threads {{threads}} --seconds {args.seconds}"
        engines.append(Engine(f"torch {mode}", f"{script} {timing} {{configs}}"))
        if args.preload:
            engines.append(
                Engine(
                    f"torch {mode}+{args.preload.stem}",
                    f"{script} {timing} --tag {shlex.quote(args.preload.stem)} {{configs}}",
                    {"LD_PRELOAD": str(args.preload.resolve())},
                )
            )
    if args.jax:
        script = shlex.join([args.jax, str(JAX_SCRIPT)])
        engines.append(Engine("jax jit", f"{script} --threads {{threads}} --seconds {args.seconds} {{configs}}"))
    for name, binary in (("candle", args.candle), ("burn", args.burn)):
        if binary:
            program = shlex.quote(str(binary.resolve()))
            timing = f"--threads {{threads}} --seconds {args.seconds} {{configs}}"
            engines.append(Engine(name, f"{program} {timing}", KEEP_MEMORY, ANCESTRAL))
    return engines


def check(args: argparse.Namespace) -> None:
    """Has every peer compare its objective with the fixtures; ends the comparison if one disagrees."""
    programs = [[args.python, PEER_SCRIPT, "--mode", mode] for mode in args.modes]
    programs += [[args.jax, JAX_SCRIPT]] if args.jax else []
    programs += [[binary.resolve()] for binary in (args.candle, args.burn) if binary]
    for program in programs:
        command = [*map(str, program), "--check", *map(str, args.check)]
        print(f"check: {shlex.join(command[:-len(args.check)])}", file=sys.stderr)
        if subprocess.run(command, stdout=sys.stderr).returncode != 0:
            sys.exit(f"compare.py: the check failed: {shlex.join(command)}")


def print_table(lines: list[dict], engines: list[str]) -> None:
    """A row a configuration and thread count.

    Each engine's figure is the median over rounds of its medians; the ratio is peer over ours, and the
    range in brackets is that of the ratios within single rounds.
    """
    medians: dict[tuple, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    lowest: dict[tuple, dict[str, float]] = defaultdict(dict)
    for line in lines:
        key, engine = (line["config"], line["threads"]), line["engine"]
        medians[key][engine][line["round"]] = line["median_ms"]
        lowest[key][engine] = min(lowest[key].get(engine, float("inf")), line["p5_ms"])

    compared = OURS in engines
    header = ["config", "threads"]
    for engine in engines:
        header.append(f"{engine} ms (5%)")
        if compared and engine != OURS:
            header.append("/ ours")
    rows = [header]
    for key, by_engine in medians.items():
        row = [key[0], str(key[1])]
        for engine in engines:
            mine = by_engine.get(engine)
            if mine:
                row.append(f"{statistics.median(mine.values()):.2f} ({lowest[key][engine]:.2f})")
            else:
                row.append("–")
            if compared and engine != OURS:
                row.append(ratio(mine, by_engine.get(OURS)))
        rows.append(row)

    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")


def print_memory(lines: list[dict], engines: list[str]) -> None:
    """The most memory that a process of each engine took, with all the configurations that it ran."""
    most = {engine: max((line["peak_mib"] for line in lines if line["engine"] == engine), default=None) for engine in engines}
    print("peak memory of a process, MiB:", ", ".join(f"{engine} {mib}" for engine, mib in most.items() if mib))


def ratio(peer: dict[int, float] | None, ours: dict[int, float] | None) -> str:
    """Peer's median over ours, with the range over the rounds that have both."""
    if not peer or not ours:
        return "–"
    overall = statistics.median(peer.values()) / statistics.median(ours.values())
    by_round = [peer[number] / ours[number] for number in sorted(peer.keys() & ours.keys())]
    return f"{overall:.2f} [{min(by_round):.2f}–{max(by_round):.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description="Times missvae's training step and its peers in turn.")
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help="default: all that an engine has")
    parser.add_argument("--ours", metavar="COMMAND", help="prints our timings; without it only the peers are timed")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has PyTorch (default: this one)")
    parser.add_argument("--jax", metavar="PYTHON", help="an interpreter that has JAX, to be timed too")
    parser.add_argument("--candle", type=Path, metavar="BIN", help="the built peer on candle, to be timed too")
    parser.add_argument("--burn", type=Path, metavar="BIN", help="the built peer on burn, to be timed too")
    parser.add_argument("--modes", nargs="*", choices=("eager", "fused", "compiled"), default=["eager", "fused", "compiled"])
    parser.add_argument("--preload", type=Path, metavar="LIBRARY", help="time PyTorch also with this library preloaded")
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a configuration, in one run of a peer (default 2)")
    parser.add_argument("--check", nargs="+", type=Path, metavar="FILE", help="first let every peer check itself against these golden fixtures")
    parser.add_argument("--save", type=Path, metavar="FILE", help="append every timing line to this file, with its round")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    if args.preload and not args.preload.is_file():
        parser.error(f"--preload: there is no file {args.preload}")
    for option, binary in (("--candle", args.candle), ("--burn", args.burn)):
        if binary and not binary.is_file():
            parser.error(f"{option}: there is no file {binary}")
    if args.check:
        check(args)

    engines = [Engine(OURS, args.ours)] if args.ours else []
    engines += peers(args)
    turns = [(threads, engine) for threads in args.threads for engine in engines]
    lines = []
    for number in range(args.rounds):
        for threads, engine in turns if number % 2 == 0 else reversed(turns):
            print(f"round {number + 1} of {args.rounds}: {engine.name}, {threads} thread(s)", file=sys.stderr)
            for line in engine.run(threads, args.configs):
                line["round"] = number
                lines.append(line)
                if args.save:
                    with args.save.open("a") as file:
                        file.write(json.dumps(line) + "\n")
    lines.sort(key=lambda line: (args.threads.index(line["threads"]), line["round"]))
    names = [engine.name for engine in engines]
    print_table(lines, names)
    print_memory(lines, names)


if __name__ == "__main__":
    main()
