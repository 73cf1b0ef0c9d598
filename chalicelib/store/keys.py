"""The only spelling of partition and sort keys. ADR 0001 says why, and what each row costs.

| row | partition | sort | life |
| --- | --- | --- | --- |
| link | `link#<source>#<shard>` | `<d or e>#<external id>` | the entry's; tombstones 30 days |
| entry | `entry#<shard>` | `<entry id>` (begins with d or e) | until `forget` |
| search alias | `alias#<first folded character>` | `<folded text>#<entry id>` | the value's |
| plan row | `plan#<task>#<shard>` | `<d or e>#<external id>` | 90 days |
| task | `task#<task>` | `task` | until over, then 90 days |
| counter of tasks | `counter` | `task` | for ever |
| history | `history#<source>` and `history` | `<task, 12 digits>` | 90 days |
| waiting task | `work#<source>` | `waiting#<task, 12 digits>` | until over |
| the one full task | `work#<source>` | `full` | until over |
| held task | `work#<source>` | `held#<task, 12 digits>` | until decided |
| task to end as cancelled | `work#<source>` | `stop#<task, 12 digits>` | until over |
| lease of a lane | `work#<source>` | `lease#<lane>` | until released or taken over |
| later look at a claim | `work#<source>` | `look#<d or e>#<external id>` | until looked, 2 days |
| ended task to be told of | `news#<source>` | `<task, 12 digits>` | until told, at most 2 days |
| notices of a source | `catalog` | `notices#<uid>` | for ever |
| picture of a source | `logo#<uid>` | `logo` | for ever |
| last full read | `work#<source>` | `read` | for ever |
| note of removals | `work#<source>` | `removals#<task>` | 2 days |
| request seen | `once#<source>#<digest>` | `once` | 2 days |
| staged head | `stage#<task>` | `<part or sighting>#<name>` | 7 days, to go on with 2 |
| staged data | `stage#<task>#<shard>` | `<part or sighting>#<name>#<digest>#<number>` | 8 days |
| snapshot: the task whose stage it is | `work#<source>` | `snapshot` | 7 days |
| source | `catalog` | `source#<uid>` | for ever |
| when last asked, when due | `catalog` | `asked#<uid>` | for ever |
| rules of the catalog | `catalog` | `rules` | for ever |
| delivery that waits | `inbox#<source>` | `<instant>#<digest>` | until done, at most 2 days |
| delivery seen | `delivery#<source>#<digest>` | `delivery` | 2 days |
| count of dropped deliveries | `work#<source>` | `dropped` | for ever |
| what came to a door | `work#<source>` | `door#<checked, seen or refused>#<door>` | for ever |
| said, not answered | `said#<source>` | `<instant>#<digest>` | until answered, at most 2 days |
| known message | `heard#<source>#<digest>` | `heard` | 2 days |
| proof that has served | `heard#<source>#<digest>` | `seal` | 2 days |
| to be said | `outgoing#<source>` | `<instant>#<number>#<digest>` | until said, at most 2 days |
| known answer | `put#<source>#<digest>` | `put` | 2 days |
| outcome noted of a message | `noted#<source>#<digest>` | `noted` | 2 days |
| next ring for the chat | `work#<source>` | `chat` | 2 days |
| card that follows a task | `cards#<task>` | `<source>#<digest>` | 14 days |
| card whose task goes on | `showing#<source>` | `<task>#<digest>` | until its last edit, at most 14 days |
| what must be confirmed | `confirm#<source>` | `<number>` | 14 days |
| one-time page | `page#<visit>` | `visit` | its time and an hour |
| logo uploaded on a page | `page#<visit>` | `logo` | its time and an hour |
| name of the key of pages | `catalog` | `pages` | for ever |
| calls of a month | `calls#<source>` | `<month>#<cause>` | 400 days |
| admin | `admins` | `<source>#<person>` | until removed |
| audit line | `audit` | `<instant>#<digest>` | 400 days |

Rows that grow with a company are spread over 16 shards by a stable hash, so that no partition carries all of a first
sync: DynamoDB gives one partition key 1,000 write units a second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from sys import intern
from typing import Final

from chalicelib.core.model import Key, Kind
from chalicelib.core.task import Lane

Place = tuple[str, str]

SHARDS: Final = 16

# What is staged may be gone on with for two days; of a read that was whole it is the source's snapshot for longer.
RESUME_LIFE: Final = timedelta(days=2)
STAGE_LIFE: Final = timedelta(days=7)
STAGED_DATA_LIFE: Final = timedelta(days=8)
ONCE_LIFE: Final = timedelta(days=2)
REMOVALS_LIFE: Final = timedelta(days=2)
# Longer than any vendor goes on sending one again.
DELIVERY_LIFE: Final = timedelta(days=2)
NEWS_LIFE: Final = timedelta(days=2)
TOMBSTONE_LIFE: Final = timedelta(days=30)
TASK_LIFE: Final = timedelta(days=90)
AUDIT_LIFE: Final = timedelta(days=400)
CALLS_LIFE: Final = timedelta(days=400)
# Nobody answers a question of the day before yesterday.
CHAT_LIFE: Final = timedelta(days=2)
CARD_LIFE: Final = timedelta(days=14)
CONFIRM_LIFE: Final = timedelta(days=14)
PAGE_LIFE: Final = timedelta(hours=1)

COUNTER: Final[Place] = ("counter", "task")
CATALOG: Final = "catalog"
RULES: Final[Place] = (CATALOG, "rules")
PAGE_KEY: Final[Place] = (CATALOG, "pages")
SOURCE_PREFIX: Final = "source#"
ASKED_PREFIX: Final = "asked#"
NOTICES_PREFIX: Final = "notices#"
WAITING_PREFIX: Final = "waiting#"
HELD_PREFIX: Final = "held#"
REMOVALS_PREFIX: Final = "removals#"
LOOK_PREFIX: Final = "look#"
DOOR_PREFIX: Final = "door#"
AUDIT: Final = "audit"
ADMINS: Final = "admins"


_KINDS: Final = {kind[0]: kind for kind in Kind}


class Staged(StrEnum):
    PART = "part"
    SIGHTING = "sighting"


def initial(kind: Kind) -> str:
    """Abbreviate a kind; departments come before employees."""
    return kind[0]


def kind(sort: str) -> Kind:
    """Read the kind at the beginning of a sort key or an entry id."""
    return _KINDS[sort[0]]


def link(key: Key) -> Place:
    return f"link#{key.source}#{_shard(key.external_id)}", f"{initial(key.kind)}#{key.external_id}"


def key_of_link(partition: str, sort: str) -> Key:
    """Read what a link's place says: `link#<source>#<shard>`, `<d or e>#<external id>`."""
    source = intern(partition.partition("#")[2].rpartition("#")[0])  # a run holds as many as there are people
    return Key(source=source, kind=kind(sort), external_id=sort[2:])


def links(source: str) -> Iterator[str]:
    return (f"link#{source}#{shard:02}" for shard in range(SHARDS))


def entry(entry_id: str) -> Place:
    return f"entry#{_shard(entry_id)}", entry_id


def entries() -> Iterator[str]:
    return (f"entry#{shard:02}" for shard in range(SHARDS))


def alias(text: str, entry_id: str) -> Place:
    """Place a folded text, so that all texts with the same first characters stand together."""
    return aliases(text), f"{text}#{entry_id}"


def aliases(text: str) -> str:
    return f"alias#{text[0]}"


def plan_row(task: str, key: Key) -> Place:
    return f"plan#{task}#{_shard(key.external_id)}", f"{initial(key.kind)}#{key.external_id}"


def plan(task: str) -> Iterator[str]:
    return (f"plan#{task}#{shard:02}" for shard in range(SHARDS))


def task(task_id: str) -> Place:
    return f"task#{task_id}", "task"


def padded(task_id: str) -> str:
    """Make the order of texts that of numbers."""
    return task_id.zfill(12)


def unpadded(sort: str) -> str:
    """Read the task id at the end of a sort key."""
    return sort.rpartition("#")[2].lstrip("0")


def history(source: str | None) -> str:
    return "history" if source is None else f"history#{source}"


def work(source: str) -> str:
    return f"work#{source}"


def waiting(source: str, task_id: str) -> Place:
    return work(source), WAITING_PREFIX + padded(task_id)


def held(source: str, task_id: str) -> Place:
    return work(source), HELD_PREFIX + padded(task_id)


def stop(source: str, task_id: str) -> Place:
    return work(source), f"stop#{padded(task_id)}"


def full(source: str) -> Place:
    return work(source), "full"


def lease(source: str, lane: Lane) -> Place:
    return work(source), f"lease#{lane}"


def news(source: str) -> str:
    return f"news#{source}"


def told_of(source: str, task_id: str) -> Place:
    """Place the note that a task has ended, which somebody may have to be told."""
    return news(source), padded(task_id)


def notices(uid: str) -> Place:
    return CATALOG, NOTICES_PREFIX + uid


def logo(uid: str) -> Place:
    return f"logo#{uid}", "logo"


def look(source: str, key: Key) -> Place:
    return work(source), f"{LOOK_PREFIX}{initial(key.kind)}#{key.external_id}"


def read(source: str) -> Place:
    return work(source), "read"


def removals(source: str, task_id: str) -> Place:
    return work(source), REMOVALS_PREFIX + task_id


def once(source: str, once_: str) -> Place:
    """Place a request's own name; it may come from outside, so it is hashed to a bounded length."""
    return f"once#{source}#{_digest(once_, 16)}", "once"


def snapshot(source: str) -> Place:
    return work(source), "snapshot"


def stage(task_id: str) -> str:
    return f"stage#{task_id}"


def staged_head(task_id: str, staged: Staged, name: str) -> Place:
    return stage(task_id), f"{staged}#{name}"


def staged_data(task_id: str, staged: Staged, name: str, digest: str, chunk: int) -> Place:
    return f"stage#{task_id}#{_shard(name)}", f"{staged}#{name}#{digest}#{chunk:04}"


def source(uid: str) -> Place:
    return CATALOG, SOURCE_PREFIX + uid


def asked(uid: str) -> Place:
    return CATALOG, ASKED_PREFIX + uid


def audit(at: str, line: str) -> Place:
    """Place a line by its instant; the same line noted twice is one row."""
    return AUDIT, f"{at}#{_digest(line, 6)}"


def inbox(source: str) -> str:
    return f"inbox#{source}"


def delivery(source: str, at: str, delivery_id: str) -> Place:
    """Place a delivery in the order of arrival."""
    return inbox(source), f"{at}#{_digest(delivery_id, 16)}"


def delivery_seen(source: str, delivery_id: str) -> Place:
    return f"delivery#{source}#{_digest(delivery_id, 16)}", "delivery"


def dropped(source: str) -> Place:
    return work(source), "dropped"


def of_source(source: str) -> Iterator[str]:
    """Name the partitions that hold nothing but what is a source's own, its history not among them."""
    yield from links(source)
    yield from (work(source), news(source), inbox(source), said(source), outgoing(source), showing(source))
    yield from (confirmations(source), calls_of(source), logo(source)[0])


def door(source: str, what: str, name: str) -> Place:
    return work(source), f"{DOOR_PREFIX}{what}#{name}"


def said(source: str) -> str:
    return f"said#{source}"


def said_thing(source: str, at: str, delivery_id: str) -> Place:
    """Place what was said in the order of arrival."""
    return said(source), f"{at}#{_digest(delivery_id, 16)}"


def heard(source: str, delivery_id: str) -> Place:
    return f"heard#{source}#{_digest(delivery_id, 16)}", "heard"


def seal(source: str, seal_: str) -> Place:
    """Place the note that a proof which does not cover the body has served one."""
    return f"heard#{source}#{_digest(seal_, 16)}", "seal"


def noted(source: str, message: str, verb: str) -> Place:
    return f"noted#{source}#{_digest(f'{message}#{verb}', 16)}", "noted"


def chat_ring(source: str) -> Place:
    return work(source), "chat"


def outgoing(source: str) -> str:
    return f"outgoing#{source}"


def outgoing_thing(source: str, at: str, number: int, outgoing_id: str) -> Place:
    """Place what is to be said: by its instant, and those of one instant by their number in what was put."""
    return outgoing(source), f"{at}#{number:04}#{_digest(outgoing_id, 16)}"


def outgoing_number(sort: str) -> int:
    return int(sort.split("#")[1])


def is_outgoing(sort: str, outgoing_id: str) -> bool:
    return sort.endswith(f"#{_digest(outgoing_id, 16)}")


def put(source: str, outgoing_id: str) -> Place:
    return f"put#{source}#{_digest(outgoing_id, 16)}", "put"


def cards(task_id: str) -> str:
    return f"cards#{task_id}"


def card(task_id: str, source: str, card_: str) -> Place:
    return cards(task_id), f"{source}#{_digest(card_, 16)}"


def showing(source: str) -> str:
    return f"showing#{source}"


def shown_card(source: str, task_id: str, card_: str) -> Place:
    return showing(source), f"{padded(task_id)}#{_digest(card_, 16)}"


def confirmations(source: str) -> str:
    return f"confirm#{source}"


def confirmation(source: str, number: str) -> Place:
    return confirmations(source), number


def page(visit_id: str) -> Place:
    return f"page#{visit_id}", "visit"


def page_logo(visit_id: str) -> Place:
    return f"page#{visit_id}", "logo"


def calls_of(source: str) -> str:
    return f"calls#{source}"


def calls(source: str, month: str, cause: str) -> Place:
    """Place the count of a month's calls to the vendor for one cause."""
    return calls_of(source), f"{month}#{cause}"


def admin(source: str, person: str) -> Place:
    return ADMINS, admins_of(source) + person


def admins_of(source: str) -> str:
    """Begin the sort keys of a source's admins."""
    return f"{source}#"


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def _shard(text: str) -> str:
    return f"{hashlib.blake2b(text.encode(), digest_size=1).digest()[0] % SHARDS:02}"
