"""Renders cases with python-liquid: a JSON object with template and context on each line, an output or error on each line."""

import json
import sys

from liquid import Environment

environment = Environment()
for line in sys.stdin:
    try:
        case = json.loads(line)
        answer = {"output": environment.from_string(case["template"]).render(**case["context"])}
    except Exception as error:  # whatever it is, the other engines are asked the same
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
