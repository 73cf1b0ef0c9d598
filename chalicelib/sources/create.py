"""Create sources. Permission and audit sit here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.errors import ForbiddenError, MalformedError, RollcallError
from chalicelib.core.ports import Audit, AuditLine, Catalog, Clock, Connectors, Secrets
from chalicelib.core.principal import Principal, Role, permits
from chalicelib.core.secret import Secret
from chalicelib.core.source import Source, check_answers, check_names, check_room


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    catalog: Catalog
    connectors: Connectors
    secrets: Secrets
    audit: Audit
    clock: Clock

    def create(
        self,
        who: Principal,
        handle: str,
        *,
        kind: str,
        name: str,
        settings: Mapping[str, str],
        secrets: Mapping[str, Secret],
    ) -> Source:
        """Create an enabled source; its secrets are kept apart from it.

        Raises:
            MalformedError, ConflictError: naming the rule that was broken; nothing is kept then.
        """
        outcome, uid = "done", None
        try:
            if not permits(who, Role.OWNER):
                raise ForbiddenError("forbidden", role="owner")
            source = self._drafted(handle, kind, name, settings, secrets)
            uid = source.uid
            self.secrets.put(source.uid, secrets)
            added = False
            try:
                self.catalog.add(source)
                added = True
            finally:
                if not added:
                    self.secrets.drop(source.uid)
            return source
        except RollcallError as error:
            outcome = error.code
            raise
        finally:
            line = AuditLine(
                at=self.clock.now(), principal=who, verb="source create", source=uid, task=None, outcome=outcome
            )
            self.audit.note(line)

    def _drafted(
        self, handle: str, kind: str, name: str, settings: Mapping[str, str], secrets: Mapping[str, Secret]
    ) -> Source:
        check_names(handle, name)
        form = self.connectors.form(kind)
        answers = check_answers(form, settings, secrets.keys())
        for field, secret in secrets.items():
            if not secret.reveal().strip():
                raise MalformedError("secret is empty", field=field)
        source = Source(
            uid=uuid.uuid4().hex,
            handle=handle,
            name=name,
            kind=kind,
            enabled=True,
            settings=answers,
            mapping=form.mapping,
            created_at=self.clock.now(),
            custom=form.custom,
        )
        check_room(source, self.catalog.sources())
        return source
