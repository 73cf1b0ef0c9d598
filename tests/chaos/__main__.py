"""`make chaos`: the whole suite. `python -m tests.chaos [--runs N] [--first SEED] [--vendor V --seed SEED]`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.chaos.rehearsal import Verdict, run

VENDORS = ("lark", "dingtalk")
SHOWN_AT = 500


def one(seed: int) -> Verdict:
    logging.disable(logging.CRITICAL)
    return run(seed, VENDORS[seed % 2])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--vendor", choices=VENDORS)
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    if asked.seed is not None:
        verdict = run(asked.seed, asked.vendor or VENDORS[asked.seed % 2])
        print(verdict)
        return 1 if verdict.wrongs else 0
    fired: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    wrong: list[Verdict] = []
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        seeds = range(asked.first, asked.first + asked.runs)
        for number, verdict in enumerate(workers.map(one, seeds, chunksize=20), start=1):
            fired += verdict.fired
            statuses += verdict.statuses
            if verdict.wrongs:
                wrong.append(verdict)
                print(verdict, flush=True)
            if number % SHOWN_AT == 0:
                print(f"{number} runs, {len(wrong)} wrong", flush=True)
    for name, count in sorted(fired.items()):
        print(f"{count:8} {name}")
    print(f"{asked.runs} runs of {', '.join(VENDORS)}: {len(wrong)} wrong; tasks ended {dict(statuses)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
