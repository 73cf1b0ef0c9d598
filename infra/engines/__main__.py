"""`make test-dynamodb`: what a Table promises, and what is built on one, over DynamoDB Local."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from infra.engines.dynamodb_local import MissingError, fetched, running

# The name that the tests give to a table behind an address.
TESTS: Final = ("tests/contracts", "tests/aws", "-k", "endpoint")


def main() -> int:
    try:
        with running(fetched()) as url:
            command = (sys.executable, "-m", "pytest", *TESTS, *sys.argv[1:])
            return subprocess.call(command, env={**os.environ, "ROLLCALL_DYNAMODB_URL": url})  # noqa: S603 - our own
    except MissingError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
