"""The demonstration app with its console, and further servers over it, each a process on a free loopback port.

It judges nothing; `console.py` does.
"""

import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import urllib.request

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = ROOT / "target/debug/maintenance"
# A debug build on a busy machine: generous, and it ends a hang.
START_SECONDS = 120
STOP_SECONDS = 60


class Process:
    """A running command: what it writes, and its end."""

    def __init__(self, arguments, directory, variables, ready):
        self._process = subprocess.Popen(
            [COMMAND, *arguments],
            cwd=directory,
            env={"PATH": os.environ["PATH"], "HOME": str(directory), "NO_COLOR": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines = []
        self._ready = re.compile(ready)
        self._decided = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._decided.wait(START_SECONDS) or not self._ready.search(self.said()):
            self.stop()
            raise RuntimeError(f"{arguments} did not start:\n{self.said()}")

    def _read(self):
        for line in self._process.stdout:
            self._lines.append(line)
            if self._ready.search(line):
                self._decided.set()
        self._decided.set()  # it ended

    def said(self):
        return "".join(self._lines)

    def find(self, pattern):
        return re.search(pattern, self.said()).group(1)

    def stop(self, number=signal.SIGINT):
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(STOP_SECONDS)
        self._process.stdout.close()

    def kill(self):
        self.stop(signal.SIGKILL)


class Dev:
    """`maintenance dev`: where its console is, a token, and its local AWS."""

    def __init__(self, directory):
        self._directory = directory
        self._process = Process(["dev"], directory, {}, "Press Ctrl-C here to stop it")
        self.url = self._process.find(r"Or in a browser: (http://\S+)")
        self.token = self._process.find(r"(mnt_\S+)")
        self._aws = self._process.find(r"A local AWS is at (http://\S+)")
        exports = self._process.find(r"(?m)^\. '?([^'\n]+)'?$")
        self.variables = dict(
            line.removeprefix("export ").split("=", 1)
            for line in pathlib.Path(exports).read_text().splitlines()
            if line.startswith("export ") and not line.startswith("export PATH")
        )
        self.variables = {name: value.strip("'") for name, value in self.variables.items()}

    def run(self, *arguments):
        """Runs the command on the same app, and returns its answer."""
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self._directory,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._directory),
                "MAINTENANCE_BY": "ben@desk",
                **self.variables,
            },
            capture_output=True,
            text=True,
            timeout=STOP_SECONDS,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.stderr}")
        return done.stdout.strip()

    def serve(self):
        """A server of its own over the same app: one that can be killed."""
        return Process(
            ["serve", "--listen", "127.0.0.1:0"],
            self._directory,
            self.variables,
            "Press Ctrl-C to stop it",
        )

    def slow_down(self, milliseconds):
        """Has each change of a function's concurrency take so long."""
        self._send("POST", "/_sandbox/faults", {
            "operation": "PutFunctionConcurrency",
            "times": 0,
            "action": {"delay_ms": milliseconds},
        })

    def speed_up(self):
        self._send("DELETE", "/_sandbox/faults")

    def functions(self):
        """Every function's settings."""
        return self._send("GET", "/_sandbox/functions")

    def let_leases_end(self):
        """As if an hour had passed: a lease that ended so long ago needs no watching."""
        ssm = boto3.client(
            "ssm",
            endpoint_url=self._aws,
            region_name=self.variables["AWS_REGION"],
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
        )
        pages = ssm.get_paginator("get_parameters_by_path")
        pages = pages.paginate(Path="/maintenance", Recursive=True)
        for parameter in (parameter for page in pages for parameter in page["Parameters"]):
            if "/lease/" in parameter["Name"]:
                lease = json.loads(parameter["Value"])
                acquired = datetime.datetime.fromisoformat(lease["acquired"])
                lease["expires"] = (acquired - datetime.timedelta(hours=1)).isoformat()
                value = json.dumps(lease)
                ssm.put_parameter(Name=parameter["Name"], Value=value, Type="String", Overwrite=True)

    def set_mode(self, token, body):
        """Asks for an operation mode by the API, and returns once it is so."""
        path = "/api/environments/dev/product-deployments/shop/operation-mode"
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode(),
            method="PUT",
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=STOP_SECONDS) as answer:
            return json.loads(answer.read())

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._aws + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=STOP_SECONDS) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def stop(self):
        self._process.stop()


@contextlib.contextmanager
def dev():
    """Starts it, and stops it with all that it started."""
    with tempfile.TemporaryDirectory(prefix="console-") as directory:
        running = Dev(directory)
        try:
            yield running
        finally:
            running.stop()
