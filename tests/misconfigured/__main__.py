"""Print how many of the seeded mistakes are named, and what is said of healthy sources."""

from __future__ import annotations

import sys

from chalicelib.core.finding import Grade
from tests.misconfigured.seeds import SEEDS
from tests.misconfigured.site import Site


def main() -> int:
    named = well = 0
    for seed in SEEDS:
        site = seed.built()
        found = site.test()
        is_named = seed.is_named_by(found)
        named += is_named
        well += all(each["grade"] == Grade.OK for each in found)
        others = [each["cause"] for each in found if each["grade"] != Grade.OK and each["cause"] != seed.cause]
        told = "named" if is_named else "MISSED"
        sys.stdout.write(f"{told:7}{seed.name:50}{seed.cause}{f'  (and {chr(44).join(others)})' if others else ''}\n")
        site.close()
    alarms = 0
    for vendor in ("lark", "dingtalk"):
        for people, departments in ((12, 2), (60, 8), (400, 60)):
            site = Site(vendor=vendor, people=people, departments=departments)
            site.settle()
            alarms += sum(each["grade"] != Grade.OK for each in site.test())
            site.close()
    sys.stdout.write(f"{named} of {len(SEEDS)} named; {well} called well; {alarms} false alarms on 6 healthy sources\n")
    return 0 if named == len(SEEDS) and not well and not alarms else 1


if __name__ == "__main__":
    sys.exit(main())
