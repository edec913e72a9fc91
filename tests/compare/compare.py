"""`maintenance` beside what people do today, in the same run on the same sandbox.

    compare.py [--functions 30] [--runs 3] [--latency MS] [--target DIRECTORY]...

Prints two tables in Markdown: pausing and restoring a fleet, by a shell loop over the aws command line
tool, by a boto3 script, and by `maintenance`; and `maintenance status` beside `aws ssm get-parameter`.
Every contestant runs once a round, so that a busy machine is busy for all of them; the figures are
medians over the rounds, and a ratio is the median of the ratios within each round.

It needs `aws` and boto3 of requirements.txt beside this interpreter (run.sh sees to that), and in each
target directory a binary `maintenance`; the first also has `examples/serve`.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STATUS_ROUNDS = 15
AWS_LIMIT = 15  # requests a second that all writes share


class Sandbox:
    """The sandbox, served by its own example, and its paths for tests."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{path}", data, method=method)
        # Whatever proxy is set is not meant for loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)

    def functions(self):
        return self.ask("GET", "functions")

    def counts(self):
        return self.ask("GET", "calls")

    def prepare(self, limits, latency):
        self.ask("DELETE", "faults")
        self.ask("POST", "rate-limits", limits)
        if latency:
            slow = {"times": 0, "action": {"delay_ms": latency}}
            self.ask("POST", "faults", slow)


@contextlib.contextmanager
def sandbox(target, functions):
    process = subprocess.Popen(
        [target / "examples" / "serve", str(functions)],
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield Sandbox(re.search(r"http://\S+", process.stdout.readline())[0])
    finally:
        process.terminate()
        process.wait(10)


def environment(endpoint, home):
    scripts = pathlib.Path(sys.executable).parent
    return {
        "PATH": f"{scripts}:/usr/bin:/bin",
        "HOME": str(home),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "MAINTENANCE_APP": "demo",
        "MAINTENANCE_ENV": "dev",
        "MAINTENANCE_BY": "compare",
    }


def timed(command, variables, folder):
    """Runs a command; its wall time, its processor time and its peak memory (MB), children included."""
    with open(folder / "said", "w+") as said:
        began = time.monotonic()
        process = subprocess.Popen(
            command, env=variables, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise SystemExit(f"{command} ended with {process.returncode}:\n{said.read()}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def contestants(targets, names, limits):
    """Who takes part: a name, and the commands to pause and to restore."""
    glob = ["--role", "worker", "--function", "demo-dev-worker-*", "--quiet"]
    # It keeps below AWS's limit even where there is none; 15 a second is the most that it takes.
    rate = [] if limits else ["--rate", str(AWS_LIMIT)]
    yield "aws loop", ["sh", HERE / "loop.sh", "pause", ".", *names], [
        "sh", HERE / "loop.sh", "restore", ".", *names,
    ]
    yield "boto3 script", [sys.executable, HERE / "loop.py", "pause", ".", *names], [
        sys.executable, HERE / "loop.py", "restore", ".", *names,
    ]
    for target in targets:
        binary = target / "maintenance"
        yield f"maintenance ({target.name})", [binary, "on", "--yes", *glob, *rate], [
            binary, "off", *glob, *rate,
        ]


def fleet(world, targets, variables, names, runs, limits, latency, folder):
    world.prepare(limits, latency)
    before = world.functions()
    rounds = []
    for number in range(runs):
        this = {}
        for name, pause, restore in contestants(targets, names, limits):
            for action, command in (("pause", pause), ("restore", restore)):
                if limits:
                    time.sleep(2)  # the budget is whole again for the next one
                world.ask("DELETE", "calls")
                measured = timed(command, variables, folder)
                counts = world.counts()
                shared = counts["by_budget"].get("lambda-control", 0)
                this[name, action] = (*measured, shared, counts["total"], counts["throttled"])
                if action == "pause":
                    paused = [it["reserved"] for it in world.functions().values()]
                    assert all(it == 0 for it in paused), f"{name} did not pause"
            assert world.functions() == before, f"{name} did not restore"
        rounds.append(this)
        print(f"round {number + 1} of {runs} is done", file=sys.stderr)
    return rounds


def print_fleet(title, rounds, count):
    print(f"\n{title}\n")
    print("| | | time | of the aws loop's | shared calls a function | calls | refused | CPU | memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, action in rounds[0]:
        of = [it[name, action] for it in rounds]
        medians = (statistics.median(column) for column in zip(*of))
        took, cpu, memory, shared, calls, refused = medians
        ratio = statistics.median(it[name, action][0] / it["aws loop", action][0] for it in rounds)
        print(
            f"| {name} | {action} | {took:.1f} s | {ratio:.2f} | {shared / count:.2f} | {calls:.0f} "
            f"| {refused:.0f} | {cpu:.1f} s | {memory:.0f} MB |"
        )


def status(world, targets, variables, folder):
    world.prepare(False, 0)
    timed([targets[0] / "maintenance", "on", "--yes", "--quiet"], variables, folder)
    flag = "/maintenance/demo-dev/flags/web"
    who = {"aws ssm get-parameter": ["aws", "ssm", "get-parameter", "--name", flag]}
    who |= {f"maintenance status ({t.name})": [t / "maintenance", "status"] for t in targets}
    rounds = [
        {name: timed(command, variables, folder) for name, command in who.items()}
        for _ in range(STATUS_ROUNDS)
    ]
    timed([targets[0] / "maintenance", "off", "--quiet"], variables, folder)
    first = next(iter(who))
    print(f"\n### Status, {STATUS_ROUNDS} pairs\n")
    print("| | time | times faster | CPU | memory |\n|---|---|---|---|---|")
    for name in who:
        took, cpu, memory = (
            statistics.median(column) for column in zip(*(it[name] for it in rounds))
        )
        ratio = statistics.median(it[first][0] / it[name][0] for it in rounds)
        print(f"| {name} | {took * 1000:.1f} ms | {ratio:.0f} | {cpu * 1000:.0f} ms | {memory:.0f} MB |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--functions", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency", type=int, default=30, help="of every call, ms (default 30)")
    parser.add_argument("--target", type=pathlib.Path, action="append")
    parser.add_argument("--only", choices=["fleet", "status"])
    arguments = parser.parse_args()
    candidates = arguments.target or [ROOT / "target" / "debug", ROOT / "target" / "release"]
    targets = [it.resolve() for it in candidates if (it / "maintenance").exists()]
    if not targets or not (targets[0] / "examples" / "serve").exists():
        raise SystemExit("build first: cargo build --workspace --bins --examples")
    with tempfile.TemporaryDirectory() as scratch, sandbox(
        targets[0], arguments.functions
    ) as world:
        folder = pathlib.Path(scratch)
        variables = environment(world.endpoint, folder)
        if arguments.only != "fleet":
            status(world, targets, variables, folder)
        if arguments.only != "status":
            names = sorted(world.functions())
            count, latency = arguments.functions, arguments.latency
            for limits, said in ((False, "no limits"), (True, f"AWS's {AWS_LIMIT} calls a second")):
                rounds = fleet(
                    world, targets, variables, names, arguments.runs, limits, latency, folder
                )
                print_fleet(
                    f"### {count} functions, {latency} ms a call, {said}, {arguments.runs} rounds",
                    rounds,
                    count,
                )


main()
