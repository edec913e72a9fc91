#!/usr/bin/env python3
"""Counts the instructions of one request in every case, and compares them with those of before.

    python3 benches/instructions.py            # fails if a case grew by more than a tenth
    python3 benches/instructions.py --write    # makes today's counts those to compare with

A count is the same in every run of the same build, whatever else the machine does, so it can be held
against a file where a time cannot. It depends on the compiler: after an update of Rust, look at the
table and write it anew. Needs valgrind.

It counts also what a request that passes writes outside its own stack: nothing, so that threads which decide
at once share no cache line that any of them writes. The layer writes into its own copy of the service.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
KEPT = HERE / "instructions.txt"
MORE = 1.10
# The difference of two runs leaves out what starting up takes.
FEW, MANY = 1_000, 3_000
# Stores outside the stack that a request may make, beyond those of "nothing".
STORES = {"decide, off": 0, "layer, off": 2}


def build() -> str:
    command = ["cargo", "build", "--locked", "--profile", "bench", "-p", "maintenance-benches"]
    command += ["--bin", "instructions", "--message-format", "json-render-diagnostics"]
    lines = subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True)
    found = re.findall(r'"executable":"([^"]+/instructions)"', lines.stdout)
    if not found:
        sys.exit("cargo did not say where the binary is")
    return found[-1]


def total(binary: str, case: str, times: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out"]
        command += [binary, case, str(times)]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return int(re.search(r"Collected : (\d+)", run.stderr)[1])


def stores(binary: str, case: str, times: int) -> int:
    """How often a run writes elsewhere than to its main thread's stack."""
    command = ["valgrind", "--tool=lackey", "--trace-mem=yes", binary, case, str(times)]
    trace = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stderr
    written = re.findall(r"^ [SM] ([0-9a-f]+),", trace, re.MULTILINE)
    # Where valgrind puts it on 64-bit Linux.
    return sum(not address.startswith("1ff") for address in written)


def each_of(count, binary: str, cases: list[str]) -> dict[str, int]:
    """What `MANY` requests cost more than `FEW`, of each case. A run has one thread, and counts the same beside
    others."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {case: [pool.submit(count, binary, case, times) for times in (FEW, MANY)] for case in cases}
        return {case: many.result() - few.result() for case, (few, many) in runs.items()}


def shared(binary: str) -> dict[str, int]:
    each = each_of(stores, binary, ["nothing", *STORES])
    nothing = each.pop("nothing")
    return {case: round((count - nothing) / (MANY - FEW)) for case, count in each.items()}


def counted(binary: str) -> dict[str, int]:
    cases = subprocess.run([binary], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    each = {case: round(more / (MANY - FEW)) for case, more in each_of(total, binary, cases).items()}
    # To make a request and to drop it is a part of every case, and none of what is counted.
    nothing = each.pop("nothing")
    return {case: count - nothing for case, count in each.items()}


def read() -> dict[str, int]:
    lines = (line.rsplit(maxsplit=1) for line in KEPT.read_text().splitlines() if not line.startswith("#"))
    return {case.strip(): int(count) for case, count in lines}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    binary = build()
    now = counted(binary)
    if write:
        head = "# Instructions of one request, by benches/instructions.py.\n"
        KEPT.write_text(head + "".join(f"{case:44} {count:6}\n" for case, count in now.items()))
    before = read()
    bad = 0
    print(f"{'one request':44} {'before':>7} {'now':>7}")
    for case, count in now.items():
        was = before.get(case)
        # A count that is near to nothing may grow by a few.
        grew = was is None or count > max(was * MORE, was + 5)
        # Its peers are here to compare with; they are not ours to mend.
        fails = grew and not case.startswith(("tower-http: ", "http: "))
        bad += fails
        print(f"{case:44} {was if was is not None else '-':>7} {count:>7} {'GREW' if fails else ''}")
    gone = set(before) - set(now)
    for case in sorted(gone):
        print(f"{case:44} is not counted any more")
    print(f"instructions: {len(now) - bad} passed, {bad + len(gone)} failed")
    writes = 0
    for case, count in shared(binary).items():
        print(f"{case:44} {count:>7} stores outside the stack")
        writes += count > STORES[case]
    sys.exit(1 if bad or gone or writes else 0)


if __name__ == "__main__":
    main()
