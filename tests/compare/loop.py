"""Pauses or restores functions one by one with boto3, as a script on somebody's laptop does.

    loop.py pause|restore FOLDER FUNCTION...

What the functions had is kept in a file of FOLDER. It is no model: run twice, `pause` overwrites what it
saved; it knows nothing of provisioned concurrency or event sources.
"""

import json
import pathlib
import sys

import boto3


def main(action, folder, *functions):
    client = boto3.client("lambda")
    saved = pathlib.Path(folder) / "saved.json"
    if action == "pause":
        had = {}
        for function in functions:
            answer = client.get_function_concurrency(FunctionName=function)
            had[function] = answer.get("ReservedConcurrentExecutions")
            client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
        saved.write_text(json.dumps(had))
        return
    had = json.loads(saved.read_text())
    for function in functions:
        if had[function] is None:
            client.delete_function_concurrency(FunctionName=function)
        else:
            client.put_function_concurrency(
                FunctionName=function, ReservedConcurrentExecutions=had[function]
            )


main(*sys.argv[1:])
