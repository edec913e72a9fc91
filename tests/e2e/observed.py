"""What the real command's observers see in moto, a stand-in for CloudWatch and Parameter Store that is not ours.

Alarms are put and set with boto3, by AWS's own protocols. Not here: change calendars and composite alarms, which
moto does not have.

Needs target/debug/maintenance: cargo build --workspace --bins
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import boto3

import servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
BINARY = TARGET / "maintenance"

# Longer than anything here takes; it ends a hang.
SECONDS = 60

server = None  # set by `main` before any test runs


def client(service):
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name=servers.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


class Observed(unittest.TestCase):
    def observe(self, observer):
        """What one check of this observer came to."""
        with tempfile.TemporaryDirectory(prefix="observed-") as scratch:
            path = pathlib.Path(scratch) / "maintenance.toml"
            path.write_text(f'app = "demo"\nenv = "dev"\n[observers.it]\nroles = ["web"]\n{observer}')
            result = subprocess.run(
                [BINARY, "observe", "--once", "--json"],
                cwd=scratch,
                env={
                    **servers.CREDENTIALS,
                    "HOME": scratch,
                    "AWS_ENDPOINT_URL": server.endpoint,
                    "AWS_EC2_METADATA_DISABLED": "true",
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        document = json.loads(result.stdout)
        return document.get("result"), document.get("observed"), document.get("error")

    def test_the_state_of_an_alarm_is_what_boto3_sets(self):
        cloudwatch = client("cloudwatch")
        # And one whose name begins with the other's.
        for name in ["database", "database-all"]:
            cloudwatch.put_metric_alarm(
                AlarmName=name,
                MetricName="Errors",
                Namespace="Acme",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )
        cloudwatch.set_alarm_state(AlarmName="database-all", StateValue="OK", StateReason="test")
        observer = 'kind = "alarm"\nalarm = "database"\n'
        for state, result in [
            ("ALARM", "maintenance"),
            ("OK", "normal"),
            ("INSUFFICIENT_DATA", "unknown"),
        ]:
            cloudwatch.set_alarm_state(AlarmName="database", StateValue=state, StateReason="test")
            self.assertEqual(self.observe(observer)[:2], (result, state))
        for name in ["data", "none"]:
            result, _, error = self.observe(f'kind = "alarm"\nalarm = "{name}"\n')
            self.assertEqual((result, error), ("unknown", f'there is no alarm "{name}"'))
        self.assertEqual(self.observe('kind = "alarm"\nalarm = "database-all"\n')[:2], ("normal", "OK"))

    def test_the_value_of_a_parameter_counts_and_a_secret_one_is_not_shown(self):
        ssm = client("ssm")
        ssm.put_parameter(Name="/acme/state", Value="Down", Type="String")
        ssm.put_parameter(Name="/acme/secret", Value="down", Type="SecureString")
        observer = 'kind = "parameter"\nmaintenance = "down"\nparameter = "{}"\n'
        seen = self.observe(observer.format("/acme/state"))
        self.assertEqual(seen[:2], ("maintenance", "Down"))
        seen = self.observe(observer.format("/acme/secret"))
        self.assertEqual(seen[:2], ("maintenance", "(a SecureString)"))
        self.assertEqual(self.observe(observer.format("/acme/none"))[0], "unknown")
        stored = ssm.get_parameter(Name="/maintenance/demo-dev/observers/it")["Parameter"]["Value"]
        self.assertEqual(json.loads(stored)["schema"], 1)


def main():
    global server
    if not BINARY.exists():
        raise SystemExit(f"{BINARY} is missing: cargo build --workspace --bins")
    servers.stop_on_sigterm()
    with servers.running("moto") as server:
        result = unittest.main(argv=[sys.argv[0], "--verbose", *sys.argv[1:]], exit=False).result
        failed = len({test for test, _ in result.failures + result.errors})
        if failed:
            print(f"--- the end of moto's log\n{server.log()}", file=sys.stderr)
    # `.ci/run` counts by this line.
    print(f"second opinion: {result.testsRun - failed} passed, {failed} failed")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    raise SystemExit(main())
