"""The real command and the real gate against ministack, an AWS stand-in that is not ours.

Our own sandbox and our own client could be wrong in the same way. Here the servers are somebody
else's, and everything is set up and read back with boto3. The lambda_http example is deployed as a
real `provided.al2023` bootstrap and called through its function URL.

Not here: what ministack does not have (ListProvisionedConcurrencyConfigs, which answers 404 even for
a function with some) or does not enforce (the order of provisioned and reserved concurrency, the
unreserved minimum, size and rate limits). Those are tested on the sandbox.

Needs target/debug/maintenance and target/debug/examples/lambda_http:

    cargo build --workspace --bins --examples
"""

import http.client
import io
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

import boto3
from botocore.config import Config

import servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
BINARY = TARGET / "maintenance"
BOOTSTRAP = TARGET / "examples" / "lambda_http"

PAGE = b"<!doctype html><title>Down</title><p>Back soon, says the second opinion.</p>\n"
ROLE_ARN = "arn:aws:iam::000000000000:role/second-opinion"

# Longer than anything here takes; it ends a hang.
SECONDS = 60


class Stage:
    """The running ministack, its clients, and the deployed code: the same for every test."""

    def __init__(self, server):
        self.server = server
        self.lambda_ = self.client("lambda")
        self.ssm = self.client("ssm")
        self.sqs = self.client("sqs")
        self.logs = self.client("logs")
        self.handler_zip = archive(
            {
                "bootstrap": BOOTSTRAP.read_bytes(),
                "public/maintenance.html": PAGE,
            }
        )
        self.worker_zip = archive({"worker.py": b"def handler(event, context):\n    return 'done'\n"})

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.server.endpoint,
            region_name=servers.REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            # A throttled call must be seen, not tried again.
            config=Config(retries={"total_max_attempts": 1}, read_timeout=SECONDS),
        )


def archive(files):
    """A deployment package; every file may be executed, as `bootstrap` must."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            package.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


stage = None  # set by `main` before any test runs
numbers = itertools.count(1)


class SecondOpinion(unittest.TestCase):
    """Each test has an app of its own, so that none sees another's parameters or functions."""

    maxDiff = None

    def setUp(self):
        self.env = f"e{next(numbers)}"
        self.app = f"demo-{self.env}"
        scratch = tempfile.TemporaryDirectory(prefix="second-opinion-")
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name

    def maintenance(self, *arguments, status=0):
        """Runs the command; checks how it ended; returns both streams."""
        result = subprocess.run(
            [BINARY, *arguments],
            cwd=self.scratch,
            env={
                **servers.CREDENTIALS,
                "HOME": self.scratch,
                "AWS_ENDPOINT_URL": stage.server.endpoint,
                "AWS_EC2_METADATA_DISABLED": "true",
                "MAINTENANCE_APP": "demo",
                "MAINTENANCE_ENV": self.env,
                "MAINTENANCE_STORE": "ssm",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        shown = f"maintenance {' '.join(arguments)}\n{result.stdout}{result.stderr}"
        self.assertEqual(result.returncode, status, shown)
        return result

    def parameters(self, part):
        """Every parameter of this app below `part`, by name."""
        pages = stage.ssm.get_paginator("get_parameters_by_path").paginate(
            Path=f"/maintenance/{self.app}/{part}", Recursive=True
        )
        return {found["Name"]: found["Value"] for page in pages for found in page["Parameters"]}

    def deploy(self, name, code, runtime, handler, variables):
        """Creates a function and waits, as the AWS CLI would, until it can be invoked."""
        stage.lambda_.create_function(
            FunctionName=name,
            Runtime=runtime,
            Handler=handler,
            Role=ROLE_ARN,
            Code={"ZipFile": code},
            Environment={"Variables": variables},
            Timeout=30,
        )
        stage.lambda_.get_waiter("function_active_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": SECONDS}
        )

    def deploy_web(self):
        """Deploys the gated handler; returns the host name of its function URL."""
        name = f"{self.app}-web"
        self.deploy(
            name,
            stage.handler_zip,
            "provided.al2023",
            "bootstrap",
            {
                "AWS_ENDPOINT_URL": stage.server.endpoint,
                "MAINTENANCE_APP": "demo",
                "MAINTENANCE_ENV": self.env,
                "MAINTENANCE_STORE": "ssm",
                # Read the flag for every request, so that nothing here has to wait.
                "MAINTENANCE_TTL": "0",
            },
        )
        url = stage.lambda_.create_function_url_config(FunctionName=name, AuthType="NONE")
        return url["FunctionUrl"].removeprefix("https://").rstrip("/")

    def request(self, host, method="GET"):
        """One HTTP request as a visitor of the function URL makes it."""
        address = stage.server.endpoint.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=SECONDS)
        self.addCleanup(connection.close)
        connection.request(method, "/any/path?x=1", headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    def assert_blocked(self, host):
        status, headers, body = self.request(host)
        self.assertEqual(status, 503, body)
        self.assertEqual(body, PAGE)
        self.assertEqual(headers["X-Maintenance"], "on")
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertGreater(int(headers["Retry-After"]), 0)
        self.assertTrue(headers["Content-Type"].startswith("text/html"), headers["Content-Type"])

    def assert_served(self, host):
        status, headers, body = self.request(host)
        self.assertEqual(status, 200, body)
        self.assertIsNone(headers["X-Maintenance"])

    def logs(self, name):
        """What CloudWatch Logs has of a function, in one piece."""
        group = f"/aws/lambda/{self.app}-{name}"
        pages = stage.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def deploy_worker(self, name, reserved=None):
        name = f"{self.app}-{name}"
        self.deploy(name, stage.worker_zip, "python3.12", "worker.handler", {})
        if reserved is not None:
            stage.lambda_.put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=reserved
            )
        return name

    def invoke(self, name):
        """The HTTP status that an invocation answers, and why if it was refused."""
        try:
            response = stage.lambda_.invoke(FunctionName=name, Payload=b"{}")
        except stage.lambda_.exceptions.TooManyRequestsException as error:
            return 429, error.response["Reason"]
        self.assertNotIn("FunctionError", response)
        return response["StatusCode"], response["Payload"].read()

    def reserved(self, name):
        """What GetFunction says: None is unset, which is not 0."""
        concurrency = stage.lambda_.get_function(FunctionName=name).get("Concurrency", {})
        return concurrency.get("ReservedConcurrentExecutions")

    def worker(self, word, *more):
        return self.maintenance(word, "--role", "worker", *more)


RUNS = (200, b'"done"')
AT_ZERO = (429, "ReservedFunctionConcurrentInvocationLimitExceeded")


class Web(SecondOpinion):
    def test_a_site_goes_into_maintenance_and_comes_back(self):
        host = self.deploy_web()
        self.assert_served(host)

        result = self.maintenance("on", "--yes")
        self.assertEqual(result.stdout, "")
        self.assertEqual(
            result.stderr,
            f"Enabling web maintenance mode for {self.app}\nWeb maintenance has been turned on\n",
        )
        self.assert_blocked(host)
        self.assertEqual(self.maintenance("status").stdout, "on\n")
        self.maintenance("status", "--exit-code", status=10)

        result = self.maintenance("off")
        self.assertEqual(result.stdout, "")
        self.assertEqual(
            result.stderr,
            f"Disabling web maintenance mode for {self.app}\nWeb maintenance has been turned off\n",
        )
        self.assert_served(host)
        self.assertEqual(self.maintenance("status").stdout, "off\n")
        self.maintenance("status", "--exit-code")

    def test_head_has_the_headers_and_no_body(self):
        host = self.deploy_web()
        self.maintenance("on", "--yes")
        status, headers, body = self.request(host, "HEAD")
        self.assertEqual((status, body), (503, b""))
        self.assertEqual(headers["X-Maintenance"], "on")
        self.assertGreater(int(headers["Retry-After"]), 0)

    def test_the_app_is_not_built_before_maintenance_ends(self):
        self.maintenance("on", "--yes")
        host = self.deploy_web()
        self.assert_blocked(host)
        self.assertNotIn("connected", self.logs("web"))
        self.maintenance("off")
        # ministack collects a function's output beside its answer: a line may come with the next.
        for _ in range(50):
            self.assert_served(host)
            if "connected" in self.logs("web"):
                return
        self.fail(f"the app was never built:\n{self.logs('web')}")

    def test_again_changes_nothing(self):
        self.maintenance("on", "--yes", "--reason", "first")
        first = self.parameters("flags")
        for same in [[], ["--reason", "first"]]:
            again = self.maintenance("on", *same)
            self.assertEqual(again.stderr, "Web maintenance is already on\n")
            self.assertEqual(self.parameters("flags"), first)

        other = self.maintenance("on", "--reason", "second")
        self.assertEqual(other.stderr, "Web maintenance is on; options updated: reason\n")
        flag = json.loads(self.parameters("flags")[f"/maintenance/{self.app}/flags/web"])
        self.assertEqual(flag["reason"], "second")

        self.maintenance("off")
        first = self.parameters("flags")
        again = self.maintenance("off")
        self.assertEqual(again.stderr, "Web maintenance is already off\n")
        self.assertEqual(self.parameters("flags"), first)

    def test_the_flag_is_what_the_documentation_says(self):
        name = f"/maintenance/{self.app}/flags/web"
        self.maintenance("on", "--yes", "--reason", "moving the database")
        flag = json.loads(self.parameters("flags")[name])
        self.assertEqual(flag["schema"], 1)
        self.assertEqual(flag["mode"], "on")
        self.assertEqual(flag["owner"]["kind"], "manual")
        self.assertEqual(flag["reason"], "moving the database")
        self.maintenance("off")
        self.assertEqual(json.loads(self.parameters("flags")[name])["mode"], "off")

    def test_a_word_typed_into_the_console_is_a_flag(self):
        host = self.deploy_web()
        name = f"/maintenance/{self.app}/flags/web"
        stage.ssm.put_parameter(Name=name, Value="on", Type="String")
        self.assert_blocked(host)
        self.assertEqual(self.maintenance("status").stdout, "on\n")
        stage.ssm.put_parameter(Name=name, Value="off", Type="String", Overwrite=True)
        self.assert_served(host)
        stage.ssm.put_parameter(Name=name, Value="on", Type="String", Overwrite=True)
        self.maintenance("off")
        self.assert_served(host)


class Worker(SecondOpinion):
    def test_a_worker_stops_and_runs_again(self):
        name = self.deploy_worker("jobs")
        self.assertEqual(self.invoke(name), RUNS)
        self.worker("on", "--function", f"{self.app}-*", "--yes")
        self.assertEqual(self.invoke(name), AT_ZERO)
        self.assertEqual(self.worker("status").stdout, "on\n")
        self.worker("off")
        self.assertEqual(self.invoke(name), RUNS)

    def test_unset_zero_and_a_number_come_back_as_they_were(self):
        before = {
            self.deploy_worker("unset"): None,
            self.deploy_worker("zero", 0): 0,
            self.deploy_worker("seven", 7): 7,
        }
        self.assertEqual({name: self.reserved(name) for name in before}, before)

        self.worker("on", "--function", f"{self.app}-*", "--yes")
        self.assertEqual({name: self.reserved(name) for name in before}, dict.fromkeys(before, 0))
        self.assertTrue(self.parameters("capacity"))
        report = json.loads(self.worker("status", "--json").stdout)["roles"][0]
        self.assertEqual((report["role"], report["maintenance"]), ("worker", "on"))
        self.assertEqual((report["workers"]["selected"], report["workers"]["paused"]), (3, 3))

        self.worker("off")
        self.assertEqual({name: self.reserved(name) for name in before}, before)
        self.assertEqual(self.parameters("capacity"), {})
        zero, rest = f"{self.app}-zero", [name for name in before if before[name] != 0]
        self.assertEqual(self.invoke(zero), AT_ZERO)
        self.assertEqual({name: self.invoke(name) for name in rest}, dict.fromkeys(rest, RUNS))

    def test_a_function_that_was_not_selected_is_left_alone(self):
        selected = self.deploy_worker("jobs")
        other = self.deploy_worker("api", 3)
        self.worker("on", "--function", selected, "--yes")
        self.assertEqual((self.reserved(other), self.invoke(other)), (3, RUNS))
        self.worker("off")
        self.assertEqual((self.reserved(selected), self.reserved(other)), (None, 3))

    def test_mappings_of_a_queue_fed_worker_come_back_as_they_were(self):
        name = self.deploy_worker("queue", 5)
        mappings = [self.queue(name, "enabled", True), self.queue(name, "disabled", False)]

        def capacity():
            found = [stage.lambda_.get_event_source_mapping(UUID=uuid) for uuid in mappings]
            return self.reserved(name), [mapping["State"] for mapping in found]

        before = capacity()
        self.assertEqual(before, (5, ["Enabled", "Disabled"]))
        self.worker("on", "--function", name, "--yes")
        self.assertEqual(capacity(), (0, ["Disabled", "Disabled"]))
        self.worker("off")
        self.assertEqual(capacity(), before)

    def queue(self, function, name, enabled):
        """A queue that feeds the function; returns the UUID of its event source mapping."""
        url = stage.sqs.create_queue(QueueName=f"{self.app}-{name}")["QueueUrl"]
        attributes = stage.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        mapping = stage.lambda_.create_event_source_mapping(
            FunctionName=function,
            EventSourceArn=attributes["Attributes"]["QueueArn"],
            Enabled=enabled,
        )
        return mapping["UUID"]


def main():
    global stage
    for path in (BINARY, BOOTSTRAP):
        if not path.exists():
            raise SystemExit(f"{path} is missing: cargo build --workspace --bins --examples")
    servers.stop_on_sigterm()
    with servers.running("ministack") as server:
        stage = Stage(server)
        result = unittest.main(argv=[sys.argv[0], "--verbose", *sys.argv[1:]], exit=False).result
        failed = len({test for test, _ in result.failures + result.errors})
        if failed:
            print(f"--- the end of ministack's log\n{server.log()}", file=sys.stderr)
    # `.ci/run` counts by this line.
    print(f"second opinion: {result.testsRun - failed} passed, {failed} failed")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    raise SystemExit(main())
