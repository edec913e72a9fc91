"""A site behind the gate, and another origin, each a process or thread on a free loopback port.

The site is the gate's own axum example with its flag in a file. It judges nothing; `browser.py` does.
"""

import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "target/debug/examples/axum"
STOP_SECONDS = 10


class Site:
    """One running site: its address, its flag, and the requests that the gate kept out."""

    def __init__(self, directory, **variables):
        self._store = pathlib.Path(directory) / "store"
        self._flag = self._store / "maintenance/demo-dev/flags/web"
        self._flag.parent.mkdir(parents=True)
        self.off()
        self._process = subprocess.Popen(
            [EXAMPLE],
            # Where there is no page of an app's own.
            cwd=directory,
            env={
                "PATH": os.environ["PATH"],
                "ADDRESS": "127.0.0.1:0",
                "NO_COLOR": "1",
                "MAINTENANCE_APP": "demo",
                "MAINTENANCE_ENV": "dev",
                "MAINTENANCE_STORE": f"file:{self._store}",
                # Each request sees the flag as it is, however busy the machine is.
                "MAINTENANCE_TTL": "0",
                "MAINTENANCE_BUDGET_MS": "10000",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            self.stop()
            raise RuntimeError(f"{EXAMPLE} did not start:\n{''.join(self._lines)}")

    def _read(self):
        for line in self._process.stderr:
            self._lines.append(line)

    def on(self, **fields):
        self._write(json.dumps({"schema": 1, "mode": "on", **fields}))

    def off(self):
        self._write("off")

    def _write(self, text):
        # Replaced as one: a reader never finds half of it.
        new = self._flag.with_suffix(".new")
        new.write_text(text)
        new.replace(self._flag)

    def stop(self):
        """Stops it; afterwards `blocked` is complete."""
        self._process.terminate()
        self._process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
        self._process.stdout.close()
        self._process.stderr.close()

    def blocked(self):
        """Method and path of each request that was answered 503, by the gate's own events."""
        found = []
        for line in self._lines:
            if 'code="M503"' in line:
                fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
                found.append((fields["method"].strip('"'), fields["path"].strip('"')))
        return found


@contextlib.contextmanager
def site(**variables):
    with tempfile.TemporaryDirectory(prefix="site-") as directory:
        running = Site(directory, **variables)
        try:
            yield running
        finally:
            running.stop()


class _Empty(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def other_origin():
    """The address of an empty page elsewhere."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
