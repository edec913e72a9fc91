"""Stand-ins for AWS that other people wrote, each started on a free loopback port.

As a module: `with running("ministack") as server`. As a command:

    servers.py ministack|moto -- COMMAND...

runs COMMAND with MAINTENANCE_CONTRACT_ENDPOINT pointing at a fresh server, and exits as it did.

It does not judge what the stand-ins do; `second_opinion.py` and the contract suite do.
"""

import collections
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

REGION = "us-east-1"

# The stand-ins accept any key; a key of twelve digits would choose an account, so these have none.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}

# Python, Flask and fifty packages on a busy machine: generous, and it ends a hang.
START_SECONDS = 120
STOP_SECONDS = 10

READY = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


class Server:
    """One running stand-in: where it answers, and the last lines that it wrote."""

    def __init__(self, kind, process):
        self.kind = kind
        self.process = process
        self.endpoint = None
        self._lines = collections.deque(maxlen=200)
        self._decided = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.append(line)
            found = READY.search(line)
            if found and self.endpoint is None:
                self.endpoint = found.group(1)
                self._decided.set()
        self._decided.set()  # it ended

    def wait_until_ready(self):
        self._decided.wait(START_SECONDS)
        if self.endpoint is None:
            raise RuntimeError(f"{self.kind} did not start:\n{self.log()}")

    def stop(self):
        # The group: ministack runs every function as a child of its own.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)

    def log(self):
        return "".join(self._lines)


def command(kind):
    """The arguments and variables that start `kind` on a port of the system's choice."""
    scripts = pathlib.Path(sys.executable).parent
    if kind == "ministack":
        # It binds every interface unless told, and starts a broker that nothing here needs.
        return [scripts / "ministack"], {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": "0",
            "IOT_MTLS_ENABLED": "0",
        }
    if kind == "moto":
        return [scripts / "moto_server", "-H", "127.0.0.1", "-p", "0"], {}
    raise SystemExit(f"unknown stand-in {kind!r}: ministack or moto")


@contextlib.contextmanager
def running(kind):
    """Starts `kind`, yields it once it answers, and stops it and all that it started."""
    arguments, variables = command(kind)
    with tempfile.TemporaryDirectory(prefix="stand-in-") as scratch:
        # Few variables: what a server inherits, the functions that it runs inherit too.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": scratch,
            "TMPDIR": scratch,
            "PYTHONUNBUFFERED": "1",
            **variables,
        }
        process = subprocess.Popen(
            arguments,
            env=environment,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        server = Server(kind, process)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.stop()


def stop_on_sigterm():
    """Turns SIGTERM into an interrupt, so that `finally` stops the servers.

    An interrupt, since a test runner takes any other exception for one test's failure.
    """

    def leave(_number, _frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)


def main(arguments):
    if len(arguments) < 3 or arguments[1] != "--":
        raise SystemExit(__doc__)
    stop_on_sigterm()
    with running(arguments[0]) as server:
        environment = {
            **os.environ,
            **CREDENTIALS,
            "MAINTENANCE_CONTRACT_ENDPOINT": server.endpoint,
        }
        status = subprocess.run(arguments[2:], env=environment, check=False).returncode
        if status != 0:
            print(f"--- the end of {server.kind}'s log\n{server.log()}", file=sys.stderr)
    # A command that a signal ended has a negative status.
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
