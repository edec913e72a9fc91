"""The REST API of the real `maintenance serve`, judged by clients that are not ours.

The real Heroku CLI turns a product on and off, and prints what it prints for Heroku, and the demonstration
app's gate follows. schemathesis asks for everything that the OpenAPI document allows, and for what it does not,
with a token and without: no 5xx, no status and no body that the document does not have.

The notifications of the command are verified by the library of the Standard Webhooks specification for Python.

`GET /api/events` has no end, so that it is left out there: it is read here while a product is turned on and off, and
each event is held against the schema that the document has for it.

Needs target/debug/maintenance, and HEROKU to name the Heroku CLI's bin/run.js:

    cargo build --workspace --bins
    npm install --prefix DIR heroku@11.10.0
    HEROKU=DIR/node_modules/heroku/bin/run.js python tests/e2e/api.py
"""

import collections
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

import jsonschema_rs

import servers
import standardwebhooks

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
BINARY = TARGET / "maintenance"

# Longer than anything here takes; it ends a hang.
SECONDS = 180

# The demonstration app has a gate; `billing` is a flag alone, so that it is turned on and off in an instant.
CONFIGURATION = """
app = "demo"
env = "dev"
[roles.worker]
functions = ["demo-dev-worker-mail"]
[products.shop]
title = "Shop"
version = "2.4.1"
apps = ["demo", "billing"]
[products.try]
apps = ["billing"]
[apps.billing]
roles.web.timeout = 30
"""

# What schemathesis takes for an answer to a request that the document allows. What is well-formed may still be
# refused: an end that has passed (422), another operation at work (423).
JUDGE = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 422, 423, 429]
"""


# No header of its own making: see `test_nor_does_who_has_no_token`.
NO_TOKEN = """
[generation]
with-security-parameters = false
"""


class Process:
    """A process of ours: its first line on stdout, and what it wrote."""

    def __init__(self, arguments, environment, folder):
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            arguments,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            start_new_session=True,
        )
        self.first = self.process.stdout.readline().strip()
        if not self.first:
            self.stop()
            raise RuntimeError(f"{arguments} did not start:\n{self.text()}")

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()


class Stage:
    """A local AWS with the demonstration app, a server over it, and a token: the same for every test."""

    def __init__(self, stack, folder):
        self.folder = pathlib.Path(folder)
        plain = {"PATH": os.environ["PATH"], "HOME": folder}
        dev = Process([BINARY, "dev"], plain, folder)
        stack.callback(dev.stop)
        exports = re.fullmatch(r"\. '?(.+?)'?", dev.first).group(1)
        names = re.findall(r"^export (AWS_\w+)=(\S+)$", pathlib.Path(exports).read_text(), re.MULTILINE)
        self.environment = {**plain, **dict(names)}
        # Where the app's gate is said to a person.
        self.page = re.search(r"http://(127\.0\.0\.1:\d+)/", dev.text().split("page at")[1]).group(1)
        (self.folder / "maintenance.toml").write_text(CONFIGURATION)
        self.token = self.run("token", "new", "--name", "ci", "--scope", "write").strip()
        self.reader = self.run("token", "new", "--name", "reader", "--scope", "read", "--product", "try").strip()
        server = Process([BINARY, "serve", "--listen", "127.0.0.1:0"], self.environment, folder)
        stack.callback(server.stop)
        self.server, self.url = server, server.first

    def run(self, *arguments):
        done = subprocess.run(
            [BINARY, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.stderr}")
        return done.stdout


STAGE = None


def get(address, path, token=None):
    """The status and the body of a GET."""
    connection = http.client.HTTPConnection(address, timeout=SECONDS)
    with contextlib.closing(connection):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


class HerokuCli(unittest.TestCase):
    """`heroku maintenance`, `:on` and `:off`, with HEROKU_HOST."""

    def heroku(self, *arguments, token=None):
        return subprocess.run(
            ["node", os.environ["HEROKU"], *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(STAGE.folder),
                "HEROKU_HOST": STAGE.url,
                "HEROKU_API_KEY": token or STAGE.token,
                "HEROKU_DISABLE_TELEMETRY": "1",
                "HEROKU_SKIP_NEW_VERSION_CHECK": "1",
                "NO_COLOR": "1",
            },
            cwd=STAGE.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def gate(self):
        return get(STAGE.page, "/")[0]

    def test_it_turns_a_product_on_and_off_and_the_gate_follows(self):
        def says(done):
            self.assertEqual(done.returncode, 0, done)
            return (done.stdout + done.stderr).split("\n")[-2].strip()

        self.assertEqual(self.heroku("maintenance", "-a", "shop").stdout, "off\n")
        self.assertEqual(self.gate(), 200)
        on = self.heroku("maintenance:on", "-a", "shop")
        self.assertEqual(says(on), "Enabling maintenance mode for shop... done")
        self.assertEqual(self.heroku("maintenance", "-a", "shop").stdout, "on\n")
        self.wait_for_gate(503)
        off = self.heroku("maintenance:off", "-a", "shop")
        self.assertEqual(says(off), "Disabling maintenance mode for shop... done")
        self.assertEqual(self.heroku("maintenance", "-a", "shop").stdout, "off\n")
        self.wait_for_gate(200)

    def wait_for_gate(self, status):
        # It reads its flag again every second.
        for _ in range(1000):
            if self.gate() == status:
                return
        self.assertEqual(self.gate(), status)

    def test_it_prints_why_it_was_refused(self):
        refused = self.heroku("maintenance:on", "-a", "try", token=STAGE.reader)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("reader has scope read, and this needs scope write", refused.stderr)
        unknown = self.heroku("maintenance", "-a", "none")
        self.assertNotEqual(unknown.returncode, 0)
        self.assertIn('there is no product or app "none"', unknown.stderr)


class Schema(unittest.TestCase):
    """schemathesis over the OpenAPI document."""

    def judge(self, examples, *arguments, configuration=""):
        file = STAGE.folder / "schemathesis.toml"
        file.write_text(JUDGE + configuration)
        done = subprocess.run(
            [
                pathlib.Path(sys.executable).parent / "schemathesis",
                "--config-file",
                file,
                "run",
                f"{STAGE.url}/api/openapi.json",
                "--checks=all",
                "--exclude-operation-id=getEvents",
                f"--max-examples={examples}",
                "--request-timeout=60",
                # An answer may take 20 s before it is a 202; its own limit of 10 s is not in the document.
                "--max-response-time=30",
                "--seed=1",
                "--no-color",
                *arguments,
            ],
            cwd=STAGE.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # Nothing proves nothing.
        generated, passed = re.search(r"(\d+) generated, (\d+) passed", done.stdout).groups()
        self.assertEqual(generated, passed, done.stdout)
        self.assertGreater(int(passed), 100, done.stdout)
        self.assertNotIn("panicked", STAGE.server.text())

    def test_a_token_of_scope_write_finds_no_answer_that_the_document_has_not(self):
        self.judge(10, f"--header=Authorization: Bearer {STAGE.token}")

    def test_nor_does_one_that_asks_for_what_there_is(self):
        known = """
[parameters]
"path.environment" = "dev"
"path.product" = "try"
"path.app" = "billing"
"path.role" = "web"
"""
        header = f"--header=Authorization: Bearer {STAGE.token}"
        # Each request is an operation, so that what follows from one is left to the test above.
        self.judge(5, header, "--phases=examples,coverage,fuzzing", configuration=known)

    def test_nor_does_who_has_no_token(self):
        # A token that is made up would be one of too many soon, and all that is left a 429. So none is sent, and
        # what is refused for the want of one is refused for that.
        before = self.answered()
        self.judge(5, configuration=NO_TOKEN)
        now = self.answered()
        unauthorized, too_many = (now[status] - before[status] for status in ("401", "429"))
        self.assertGreater(unauthorized, 100)
        self.assertLess(too_many, unauthorized / 4)

    def answered(self):
        """How many requests were answered with each status."""
        _, text = get(STAGE.url.removeprefix("http://"), "/metrics", STAGE.token)
        found = re.findall(r'^maintenance_http_requests_total\{.*status="(\d+)"\} (\d+)', text, re.MULTILINE)
        counted = collections.Counter()
        for status, count in found:
            counted[status] += int(count)
        return counted


class Events(unittest.TestCase):
    """`GET /api/events`."""

    def setUp(self):
        self.document = json.loads(get(self.address(), "/api/openapi.json")[1])

    def address(self):
        return STAGE.url.removeprefix("http://")

    def open(self, token=None, method="GET"):
        connection = http.client.HTTPConnection(self.address(), timeout=SECONDS)
        self.addCleanup(connection.close)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, "/api/events", headers=headers)
        return connection.getresponse()

    def set_mode(self, mode):
        connection = http.client.HTTPConnection(self.address(), timeout=SECONDS)
        with contextlib.closing(connection):
            connection.request(
                "PUT",
                "/api/environments/dev/product-deployments/try/operation-mode",
                body=json.dumps({"mode": mode}),
                headers={"Authorization": f"Bearer {STAGE.token}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200, answer.read())

    def test_its_events_are_what_the_document_says(self):
        events = self.open(STAGE.token)
        self.assertEqual(events.status, 200)
        described = self.document["paths"]["/api/events"]["get"]["responses"]["200"]["content"]
        self.assertEqual(list(described), [events.headers.get_content_type()])
        self.set_mode("Maintenance")
        self.set_mode("Normal")
        seen = collections.Counter()
        modes = []
        # What it was before is known from the first look on, and that may have come after the first change.
        while "Normal" not in modes:
            fields = dict(line.split(": ", 1) for line in self.block(events))
            if "event" not in fields:
                continue
            seen[fields["event"]] += 1
            data = json.loads(fields["data"])
            if fields["event"] == "operation":
                self.judge("OperationView", data)
            if fields["event"] == "mode":
                self.judge("ModeEvent", data)
                if data["productDeploymentId"] == "try":
                    modes.append(data["operationMode"])
        self.assertGreaterEqual(seen["operation"], 2)

    def block(self, events):
        """The lines of the next event, without comments."""
        lines = []
        while True:
            line = events.readline().decode()
            self.assertTrue(line, "they have no end")
            if line == "\n":
                return lines
            if not line.startswith(":"):
                lines.append(line.rstrip("\n"))

    def judge(self, name, data):
        schema = {"$ref": f"#/components/schemas/{name}", "components": self.document["components"]}
        jsonschema_rs.validator_for(schema).validate(data)

    def test_it_refuses_as_the_other_routes_do(self):
        for token, method, status in [(None, "GET", 401), ("mnt_x", "GET", 401), (STAGE.token, "POST", 405)]:
            answer = self.open(token, method)
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.headers.get_content_type(), "application/problem+json")
            self.judge("Problem", json.loads(answer.read()))


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it gets, and fails the first time."""

    got = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.got.append((self.path, dict(self.headers.items()), body))
        self.send_response(500 if len(self.got) == 1 else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Webhooks(unittest.TestCase):
    """The notifications of the command, verified by the specification's own library for Python."""

    SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="
    CONFIGURATION = """
app = "shop"
env = "dev"
[store]
kind = "file"
[[notify]]
kind = "webhook"
url = "${HOOK}"
secret = "${SECRET}"
"""

    def test_the_python_library_verifies_who_sent_them_and_when(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="webhooks-"))
        (pathlib.Path(folder) / "maintenance.toml").write_text(self.CONFIGURATION)
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        done = subprocess.run(
            [BINARY, "on", "--yes", "--reason", "Grüße & <more>"],
            env={"PATH": os.environ["PATH"], "HOME": folder, "HOOK": url, "SECRET": self.SECRET},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        self.assertEqual((done.returncode, "not notified" in done.stderr), (0, False), done)
        self.assertEqual(len(Receiver.got), 2)
        for path, headers, body in Receiver.got:
            self.assertEqual(path, "/hook")
            event = standardwebhooks.Webhook(self.SECRET).verify(body, headers)
            self.assertEqual(event["type"], "maintenance.turned_on")
            self.assertEqual(event["data"]["app"], "shop-dev")
            self.assertEqual(event["data"]["reason"], "Grüße & <more>")
            with self.assertRaises(standardwebhooks.WebhookVerificationError):
                other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
                standardwebhooks.Webhook(other).verify(body, headers)
        ids = {headers["webhook-id"] for _, headers, _ in Receiver.got}
        self.assertEqual(len(ids), 1, "a retry is the same message")


def main():
    global STAGE
    servers.stop_on_sigterm()
    if not BINARY.exists():
        raise SystemExit(f"{BINARY} is missing: cargo build --workspace --bins")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="api-"))
        STAGE = Stage(stack, folder)
        argv = [sys.argv[0], "--verbose", *sys.argv[1:]]
        result = unittest.main(argv=argv, exit=False).result
    failed = len(result.failures) + len(result.errors)
    # `.ci/run` counts by this line.
    print(f"api: {result.testsRun - failed} passed, {failed} failed", flush=True)
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
