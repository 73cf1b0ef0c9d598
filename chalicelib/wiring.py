"""The one place that chooses implementations. Built on first use, kept for the life of the process.

Imports stand inside functions: what a door does not use, it does not load (house: cold start). So do those of what has
dataclasses: describing them takes longer than all else that `import app` does.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib import log
from chalicelib.core.errors import RollcallError, SetupError

if TYPE_CHECKING:
    from chalicelib.aws.clients import Clients
    from chalicelib.bot.command import Rooms
    from chalicelib.callbacks.converse import Converser
    from chalicelib.callbacks.deliver import Deliverer
    from chalicelib.callbacks.receive import Receiver
    from chalicelib.core.message import HttpRequest, HttpResponse
    from chalicelib.core.ports import (
        Bell,
        Clock,
        Connectors,
        Secrets,
        Table,
    )
    from chalicelib.notices.alarm import Alarms
    from chalicelib.notices.report import Notices
    from chalicelib.outside import Doorstep, Engines
    from chalicelib.outside import Outside as Outside  # where everybody looks for it
    from chalicelib.pages.page import OneTimePage
    from chalicelib.settings import Settings
    from chalicelib.sources.delete import Deletions
    from chalicelib.sources.links import Links
    from chalicelib.sources.rotate import Rotation
    from chalicelib.sync.pulse import Deadline
    from chalicelib.sync.request import Requests
    from chalicelib.sync.run import Runner

VERSION = "0.1.0"
# What the names of the functions that preload end with: infra/aws names them.
_PRELOADED = "-api_handler"


class Ticking(Protocol):
    """What the clock wakes."""

    def tick(self) -> None: ...


_chosen: Outside | None = None
_engines: Engines | None = None


def use(outside: Outside | None) -> None:
    """Choose for this process; None forgets the choice, and the environment decides again."""
    global _chosen, _engines
    _chosen, _engines = outside, None


def outside() -> Outside:
    """
    Raises:
        SetupError: the environment lacks something.
    """
    global _chosen
    if _chosen is None:
        _chosen = _around(engines())
    return _chosen


def engines() -> Engines:
    """
    Raises:
        SetupError: the environment lacks something.
    """
    global _engines
    if _engines is None:
        settings = _settings()
        _engines = _local(settings) if settings.home else _deployed(settings)
    return _engines


def doorstep() -> Doorstep | Outside:
    """Give what taking in a callback needs, which is all where all is there already.

    Raises:
        SetupError: the environment lacks something.
    """
    if _chosen is not None:
        return _chosen
    from chalicelib.outside import Doorstep
    from chalicelib.store.catalog import TableCatalog
    from chalicelib.store.chats import TableChats
    from chalicelib.store.doors import TableDoors
    from chalicelib.store.inbox import TableInbox

    below = engines()
    return Doorstep(
        catalog=TableCatalog(table=below.table),
        inbox=TableInbox(table=below.table),
        doors=TableDoors(table=below.table),
        chats=TableChats(table=below.table),
        secrets=below.secrets,
        connectors=below.connectors,
        delivery_bell=below.delivery_bell,
        chat_bell=below.chat_bell,
        clock=below.clock,
    )


def preload() -> None:
    """Load what acknowledging a vendor needs, and make its clients, where one is about to wait for it.

    That is the function behind the API: its vendors wait a second, and Lambda starts it on a full core. All other
    functions have the same switchboard, and so has each command that looks at it: there nothing is loaded.
    """
    if not os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "").endswith(_PRELOADED):
        return
    # What is loaded stays. To look through it for garbage, as it grows, would take a sixth of the time.
    gc.disable()
    try:
        _preload()
    finally:
        gc.freeze()
        gc.enable()


def _preload() -> None:
    global _engines
    from chalicelib.aws.clients import Clients
    from chalicelib.callbacks import receive  # noqa: F401 - to have been loaded
    from chalicelib.connectors import REGISTRY
    from chalicelib.connectors.sealed import seal

    clients = Clients()
    try:
        _engines = _deployed(_settings(), clients)
    except SetupError:
        # The door says so itself, in its answer.
        return
    for make in (clients.dynamodb, clients.secretsmanager, clients.sqs):
        make()
    connectors = doorstep().connectors
    for kind, offer in REGISTRY.items():
        for door in offer.doors:
            connectors.callback(kind, door)
    # Who seals has loaded what opens.
    seal(b"", bytes(32), iv=bytes(16))


def enter(stage: str) -> None:
    """Choose a deployment for this process, from a terminal, as whoever has the AWS credentials.

    Raises:
        SetupError: there is none such.
    """
    from chalicelib.aws import deployment
    from chalicelib.aws.clients import Clients
    from chalicelib.settings import Settings

    clients = Clients()
    found = deployment.environment(stage, clients.cloudformation)
    settings = Settings.from_env({"ROLLCALL_LOG_LEVEL": "ERROR", **os.environ, **found})
    log.configure(settings.log_level)
    use(_around(_deployed(settings, clients)))


def understood(error: Exception) -> RollcallError | None:
    """Say what whoever entered a deployment can do about an error of AWS; None of another one."""
    from chalicelib.aws import deployment

    return deployment.understood(error)


def _settings() -> Settings:
    from chalicelib.settings import Settings

    settings = Settings.from_env(os.environ)
    log.configure(settings.log_level, stage=settings.stage)
    return settings


def _local(settings: Settings) -> Engines:
    from chalicelib.local.bell import LocalBell
    from chalicelib.local.clock import SystemClock
    from chalicelib.local.secrets import FileSecrets
    from chalicelib.local.table import SqliteTable
    from chalicelib.outside import Engines

    assert settings.home is not None  # noqa: S101 - that is what local means
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError("home cannot be used", home=str(settings.home), problem=type(error).__name__) from error
    table = SqliteTable(str(settings.home / "rollcall.db"))
    secrets, clock = FileSecrets(settings.home / "secrets.json"), SystemClock()
    registry = _registry(settings, secrets, clock)
    bell, delivery_bell, chat_bell = (LocalBell(clock=clock) for _ in range(3))
    return Engines(
        settings=settings,
        table=table,
        secrets=secrets,
        connectors=registry,
        bell=bell,
        delivery_bell=delivery_bell,
        chat_bell=chat_bell,
        clock=clock,
    )


def _deployed(settings: Settings, clients: Clients | None = None) -> Engines:
    from chalicelib.aws.bell import SqsBell
    from chalicelib.aws.clients import Clients
    from chalicelib.aws.secrets import SecretsManagerSecrets
    from chalicelib.aws.table import DynamoTable
    from chalicelib.local.clock import SystemClock
    from chalicelib.outside import Engines

    clients, clock = clients or Clients(), SystemClock()
    secrets = SecretsManagerSecrets(settings.stage, clients.secretsmanager, clock=clock)
    table = DynamoTable(settings.table, clients.dynamodb, clock=clock)
    bell = SqsBell(settings.sync_queue_url, clients.sqs)
    delivery_bell = SqsBell(settings.deliver_queue_url, clients.sqs)
    chat_bell = SqsBell(settings.chat_queue_url, clients.sqs)
    registry = _registry(settings, secrets, clock)
    return Engines(
        settings=settings,
        table=table,
        secrets=secrets,
        connectors=registry,
        bell=bell,
        delivery_bell=delivery_bell,
        chat_bell=chat_bell,
        clock=clock,
    )


def _registry(settings: Settings, secrets: Secrets, clock: Clock) -> Connectors:
    from chalicelib.connectors import Registry

    return Registry(secrets=secrets, clock=clock, limit_scale=settings.limit_scale, in_flight=settings.in_flight)


def _around(below: Engines) -> Outside:
    return around(
        below.settings,
        below.table,
        below.secrets,
        below.bell,
        below.clock,
        below.connectors,
        below.delivery_bell,
        below.chat_bell,
    )


def around(
    settings: Settings,
    table: Table,
    secrets: Secrets,
    bell: Bell,
    clock: Clock,
    connectors: Connectors,
    delivery_bell: Bell | None = None,
    chat_bell: Bell | None = None,
) -> Outside:
    """Put the store around a table, and all of it together; one bell for all, or more for deliveries and the chat."""
    from chalicelib.outside import Outside
    from chalicelib.store.admins import TableAdmins
    from chalicelib.store.audit import TableAudit
    from chalicelib.store.board import TableBoard
    from chalicelib.store.catalog import TableCatalog
    from chalicelib.store.chats import TableChats
    from chalicelib.store.directory import TableDirectory
    from chalicelib.store.doors import TableDoors
    from chalicelib.store.estate import TableEstate
    from chalicelib.store.inbox import TableInbox
    from chalicelib.store.logos import TableLogos
    from chalicelib.store.meter import TableMeter
    from chalicelib.store.pages import TablePages
    from chalicelib.store.tasks import TableTasks

    return Outside(
        settings=settings,
        catalog=TableCatalog(table=table),
        directory=TableDirectory(table=table),
        tasks=TableTasks(table=table, clock=clock),
        audit=TableAudit(table=table, life=timedelta(days=settings.audit_days)),
        inbox=TableInbox(table=table),
        doors=TableDoors(table=table),
        chats=TableChats(table=table),
        admins=TableAdmins(table=table),
        board=TableBoard(table=table),
        meter=TableMeter(table=table),
        logos=TableLogos(table=table),
        estate=TableEstate(table=table, clock=clock),
        pages=TablePages(table=table),
        secrets=secrets,
        connectors=connectors,
        bell=bell,
        delivery_bell=delivery_bell or bell,
        chat_bell=chat_bell or bell,
        clock=clock,
    )


# --- rooms


def requests() -> Requests:
    from chalicelib.sources.calendar import next_due
    from chalicelib.sync.request import Requests

    out = outside()
    return Requests(
        catalog=out.catalog, tasks=out.tasks, audit=out.audit, bell=out.bell, clock=out.clock, next_due=next_due
    )


def runner() -> Runner:
    from chalicelib.sync.run import Runner

    out = outside()
    return Runner(
        catalog=out.catalog,
        directory=out.directory,
        tasks=out.tasks,
        connectors=out.connectors,
        bell=out.bell,
        news=out.chat_bell,
        clock=out.clock,
        lease_ttl=timedelta(seconds=out.settings.lease_s),
    )


def receiver(handle: str, door: str) -> Receiver:
    from chalicelib.callbacks.receive import Receiver

    out = doorstep()
    return Receiver(
        handle=handle,
        door=door,
        catalog=out.catalog,
        connectors=out.connectors,
        secrets=out.secrets,
        inbox=out.inbox,
        doors=out.doors,
        chats=out.chats,
        bell=out.delivery_bell,
        chat_bell=out.chat_bell,
        clock=out.clock,
    )


def deliverer() -> Deliverer:
    from dataclasses import replace

    from chalicelib.callbacks.deliver import Deliverer

    out = outside()
    return Deliverer(
        catalog=out.catalog,
        connectors=out.connectors,
        inbox=out.inbox,
        doors=out.doors,
        tasks=out.tasks,
        requests=requests(),
        runner=replace(runner(), bell=out.delivery_bell),
        bell=out.delivery_bell,
        clock=out.clock,
        rotation=rotation(),
    )


def converser() -> Converser:
    from chalicelib.bot.answer import Bot
    from chalicelib.callbacks.converse import Converser

    out = outside()
    return Converser(
        catalog=out.catalog,
        connectors=counted(),
        chats=out.chats,
        doors=out.doors,
        bot=Bot(rooms=rooms()),
        notices=notices(),
        bell=out.chat_bell,
        clock=out.clock,
        rotation=rotation(),
    )


def rotation() -> Rotation:
    from chalicelib.sources.rotate import Rotation

    return Rotation(secrets=outside().secrets, clock=outside().clock)


def notices() -> Notices:
    from chalicelib.notices.report import Notices

    out = outside()
    return Notices(
        catalog=out.catalog,
        directory=out.directory,
        tasks=out.tasks,
        chats=out.chats,
        board=out.board,
        meter=out.meter,
        connectors=out.connectors,
        admins=out.admins,
        bell=out.chat_bell,
        clock=out.clock,
    )


def links() -> Links:
    from chalicelib.sources.links import Links

    out = outside()
    return Links(
        pages=out.pages,
        catalog=out.catalog,
        secrets=out.secrets,
        audit=out.audit,
        clock=out.clock,
        url=out.settings.public_url or out.served_at,
    )


def page(link: str) -> OneTimePage:
    from chalicelib.pages.page import OneTimePage
    from chalicelib.pages.show import Showing

    out, sources = outside(), rooms().sources
    showing = Showing(
        link=link,
        pages=out.pages,
        sources=sources,
        catalog=out.catalog,
        connectors=out.connectors,
        secrets=out.secrets,
        logos=out.logos,
        clock=out.clock,
    )
    return OneTimePage(
        link=link,
        showing=showing,
        pages=out.pages,
        links=links(),
        sources=sources,
        admins=out.admins,
        catalog=out.catalog,
        connectors=out.connectors,
        chats=out.chats,
        chat_bell=out.chat_bell,
        audit=out.audit,
        clock=out.clock,
    )


def counted() -> Connectors:
    """Give connectors for what is no task: those of a task are counted with it."""
    from chalicelib.sources.counted import CountedConnectors

    out = outside()
    return CountedConnectors(connectors=out.connectors, meter=out.meter, clock=out.clock)


def alarms() -> Alarms:
    from chalicelib.notices.alarm import Alarms

    out = outside()
    return Alarms(
        stage=out.settings.stage,
        catalog=out.catalog,
        board=out.board,
        admins=out.admins,
        chats=out.chats,
        clock=out.clock,
    )


def deletions() -> Deletions:
    from chalicelib.sources.delete import Deletions

    out = outside()
    return Deletions(
        catalog=out.catalog,
        directory=out.directory,
        tasks=out.tasks,
        chats=out.chats,
        admins=out.admins,
        secrets=out.secrets,
        estate=out.estate,
        requests=requests(),
        audit=out.audit,
        clock=out.clock,
    )


def rooms() -> Rooms:
    from chalicelib.bot.command import Rooms
    from chalicelib.notices.settings import Telling
    from chalicelib.sources.admins import Admins
    from chalicelib.sources.budget import Budgets
    from chalicelib.sources.forget import Forgetting
    from chalicelib.sources.linking import Linking
    from chalicelib.sources.mapping import Mappings
    from chalicelib.sources.room import Sources
    from chalicelib.sources.scope import Scoping
    from chalicelib.sync.foresee import Foresight

    out = outside()
    sources = Sources(
        catalog=out.catalog,
        connectors=counted(),
        secrets=out.secrets,
        audit=out.audit,
        clock=out.clock,
        tasks=out.tasks,
        directory=out.directory,
        requests=requests(),
        logos=out.logos,
        doors=out.doors,
        public_url=out.settings.public_url,
        egress=out.settings.egress,
    )
    return Rooms(
        requests=requests(),
        sources=sources,
        budgets=Budgets(
            sources=sources,
            connectors=out.connectors,
            meter=out.meter,
            audit=out.audit,
            clock=out.clock,
            is_deployed=out.settings.home is None,
        ),
        admins=Admins(admins=out.admins, catalog=out.catalog, audit=out.audit, clock=out.clock),
        mappings=Mappings(
            catalog=out.catalog,
            connectors=out.connectors,
            audit=out.audit,
            clock=out.clock,
            tasks=out.tasks,
            directory=out.directory,
            foresight=Foresight(catalog=out.catalog, directory=out.directory),
        ),
        scoping=Scoping(
            catalog=out.catalog,
            connectors=counted(),
            directory=out.directory,
            audit=out.audit,
            clock=out.clock,
        ),
        linking=Linking(
            catalog=out.catalog, directory=out.directory, tasks=out.tasks, audit=out.audit, clock=out.clock
        ),
        deletions=deletions(),
        forgetting=Forgetting(
            catalog=out.catalog, directory=out.directory, tasks=out.tasks, audit=out.audit, clock=out.clock
        ),
        telling=Telling(catalog=out.catalog, board=out.board, admins=out.admins, audit=out.audit, clock=out.clock),
        links=links(),
        catalog=out.catalog,
        connectors=counted(),
        directory=out.directory,
        tasks=out.tasks,
        chats=out.chats,
        audit=out.audit,
        clock=out.clock,
        public_url=out.settings.public_url,
    )


# --- what Lambda hands over


def health(request: HttpRequest) -> HttpResponse:
    """Say that the program runs and its environment is whole."""
    from chalicelib.core.message import HttpResponse

    outside()
    return HttpResponse(status=200, body=json.dumps({"ok": True, "version": VERSION}))


def ticking() -> Sequence[Ticking]:
    """List what each minute wakes, in this order."""
    from chalicelib.callbacks.watch import Watch
    from chalicelib.sources.calendar import next_due

    out = outside()
    watch = Watch(catalog=out.catalog, tasks=out.tasks, inbox=out.inbox, clock=out.clock, next_due=next_due)
    return requests(), deliverer(), converser(), deletions(), watch


def called(event: Mapping[str, Any]) -> Iterator[str]:
    """Read from an event of the chat's queue which sources have work: those that an alarm is told in, too."""
    for body in rung(event):
        if body.startswith("{"):
            yield from alarms().tell(body)
        else:
            yield body


def rung(event: Mapping[str, Any]) -> Sequence[str]:
    """Read from a queue event which sources have work."""
    return [str(record["body"]) for record in event["Records"]]


def deadline(context: Any) -> Deadline:
    """Tell from a Lambda context how many seconds are left."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000
