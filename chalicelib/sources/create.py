"""What a new source is made of, held against its kind's form."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from chalicelib.core.errors import MalformedError
from chalicelib.core.secret import Secret
from chalicelib.core.source import Form, Source, check_answers, check_names


def drafted(
    form: Form, handle: str, name: str, settings: Mapping[str, str], secrets: Mapping[str, Secret], now: datetime
) -> Source:
    """Make an enabled source of what was answered to a form.

    Raises:
        MalformedError: naming the rule that was broken.
    """
    check_names(handle, name)
    answers = check_answers(form, settings, secrets.keys())
    for field, secret in secrets.items():
        if not secret.reveal().strip():
            raise MalformedError("secret is empty", field=field)
    return Source(
        uid=uuid.uuid4().hex,
        handle=handle,
        name=name,
        kind=form.kind,
        enabled=True,
        settings=answers,
        mapping=form.mapping,
        created_at=now,
        custom=form.custom,
    )
