"""What the environment decides, read once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.core.errors import SetupError

DEFAULT_HOME = ".rollcall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`home` is the state directory of one machine; None means a deployment, which has `table` and queues.

    `limit_scale` divides the time windows of the vendors' call limits, for a simulated vendor whose windows
    are scaled alike; with a real one it is 1. `egress` are the addresses that our calls come from, where they are
    fixed.
    """

    home: Path | None
    table: str = ""
    stage: str = ""
    sync_queue_url: str = ""
    deliver_queue_url: str = ""
    chat_queue_url: str = ""
    public_url: str = ""
    egress: tuple[str, ...] = ()
    log_level: str = "INFO"
    lease_s: float = 20.0
    limit_scale: float = 1.0
    in_flight: int = 16
    audit_days: int = 400

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the ROLLCALL_* names.

        Raises:
            SetupError: naming every missing or malformed one at once.
        """
        wrong: list[str] = []

        def number(name: str, default: float, least: float) -> float:
            try:
                value = float(environ.get(name) or default)
            except ValueError:
                value = least - 1
            if not least <= value < math.inf:
                wrong.append(name)
                return default
            return value

        def needed(name: str) -> str:
            value = environ.get(name, "")
            if not value:
                wrong.append(name)
            return value

        deployed = "AWS_LAMBDA_FUNCTION_NAME" in environ or "ROLLCALL_TABLE" in environ
        level = environ.get("ROLLCALL_LOG_LEVEL", "INFO" if deployed else "ERROR").upper()
        if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            wrong.append("ROLLCALL_LOG_LEVEL")
        settings = cls(
            home=None if deployed else Path(environ.get("ROLLCALL_HOME") or DEFAULT_HOME),
            table=needed("ROLLCALL_TABLE") if deployed else "",
            stage=needed("ROLLCALL_STAGE") if deployed else "",
            sync_queue_url=needed("ROLLCALL_SYNC_QUEUE_URL") if deployed else "",
            deliver_queue_url=needed("ROLLCALL_DELIVER_QUEUE_URL") if deployed else "",
            chat_queue_url=needed("ROLLCALL_CHAT_QUEUE_URL") if deployed else "",
            public_url=(environ.get("ROLLCALL_PUBLIC_URL") or "").rstrip("/"),
            egress=tuple(each.strip() for each in environ.get("ROLLCALL_EGRESS", "").split(",") if each.strip()),
            log_level=level,
            lease_s=number("ROLLCALL_LEASE_S", 20, 1),
            limit_scale=number("ROLLCALL_LIMIT_SCALE", 1, 0.001),
            in_flight=int(number("ROLLCALL_IN_FLIGHT", 16, 1)),
            audit_days=int(number("ROLLCALL_AUDIT_DAYS", 400, 1)),
        )
        if wrong:
            raise SetupError("setting is malformed", names=", ".join(sorted(set(wrong))))
        return settings
