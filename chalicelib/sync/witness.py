"""Who else is asked before a bad answer is believed.

Some vendors say "not found" to all three of a leaver, another company's person, and anybody at all while they are in
trouble; and what one record does not show may have been taken from all of them. So others are asked the same question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.core.model import Key, Kind, Remark
from chalicelib.core.ports import Connector
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear
from chalicelib.sync.plan import SHARE_KEPT, WITNESSES, Plan

Answers = Mapping[Key, Presence]


def recruited(witnesses: Sequence[Key], answers: Answers) -> Sequence[Key]:
    """Add witnesses of a kind that has none yet from those who answered: the found first, then the hidden."""
    have = {key.kind for key in witnesses}
    willing = [key for type_ in (Found, Hidden) for key, each in answers.items() if isinstance(each, type_)]
    new = [[key for key in willing if key.kind is kind][:WITNESSES] for kind in Kind if kind not in have]
    return (*witnesses, *(key for keys in new for key in keys))


def believed(answers: Answers, witnesses: Sequence[Key], connector: Connector) -> Answers:
    """Take answers as they are if a witness is still known to the source afterwards; else nobody is known to be gone.

    The witnesses are asked when the answers are there: another company, or a vendor in trouble, shows in them however
    late it came. Of each kind its own witnesses, if there are any: people are another question than departments.
    """
    kinds = {key.kind for key, each in answers.items() if isinstance(each, Gone)}
    if not kinds:
        return answers
    asked = {kind: [key for key in witnesses if key.kind is kind] or list(witnesses) for kind in kinds}
    again = _asked([key for keys in asked.values() for key in keys], connector)
    vouched = {kind for kind, keys in asked.items() if any(isinstance(again[key], Found | Hidden) for key in keys)}
    why = Remark(code="nobody was found")
    return {
        key: Unclear(observed_at=each.observed_at, why=why)
        if isinstance(each, Gone) and key.kind not in vouched
        else each
        for key, each in answers.items()
    }


def believed_of_few(answers: Answers, plan: Plan, connector: Connector) -> Answers:
    """Do the same for keys that no walk leads up to, and keep values in fields that nobody else shows (law 5)."""
    gone = {key.kind for key, each in answers.items() if isinstance(each, Gone)}
    losses = plan.losses(answers)
    lost = {(key.kind, name) for key, names in losses.items() for name in names}
    if not gone and not lost:
        return answers
    others = plan.bystanders({*gone, *(kind for kind, _ in lost)}, lost, but=answers.keys())
    shown = plan.note_shown(_asked(others, connector)) if lost else ()
    kept = {key: [name for name in names if (key.kind, name) not in shown] for key, names in losses.items()}
    return believed(plan.keeping(answers, kept), others, connector)


def undiminished(answers: Answers, plan: Plan, connector: Connector) -> Answers:
    """Keep values in fields that others showed, too, and do not show any more now that the answers are there (law 5).

    A permission that is withdrawn while people are asked for takes from the last ones what the first ones still showed.
    """
    losses = plan.losses(answers)
    lost = {(key.kind, name) for key, names in losses.items() for name in names}
    if not lost:
        return answers
    others = plan.bystanders({kind for kind, _ in lost}, lost, but=answers.keys())
    gone = lost.intersection(plan.diminished(_asked(others, connector)))
    return plan.keeping(answers, {key: [n for n in names if (key.kind, n) in gone] for key, names in losses.items()})


def recognised(people: Sequence[Key], connector: Connector) -> bool:
    """Tell whether the source knows enough of these people, be it that it shows them or says that we may not look."""
    answers = _asked(people, connector)
    known = sum(1 for each in answers.values() if isinstance(each, Found | Hidden))
    return known > 0 and known * SHARE_KEPT >= len(answers)


def _asked(keys: Sequence[Key], connector: Connector) -> Answers:
    wanted = tuple(dict.fromkeys(keys))
    return connector.confirm(wanted) if wanted else {}
