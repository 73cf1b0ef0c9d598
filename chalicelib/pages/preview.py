"""What a page will save, or has saved, in words: everything that was answered, and nothing that is secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from chalicelib.core.catalogue import Lang
from chalicelib.core.page import Saved
from chalicelib.core.source import Form, Source
from chalicelib.pages.answers import OF_KIND, draft, plain
from chalicelib.pages.draw import words
from chalicelib.sources.calendar import next_run
from chalicelib.sources.console import UNKNOWN
from chalicelib.sources.draft import drafted

Row = tuple[str, str]


def previewed(
    form: Form, answers: Mapping[str, str], lang: Lang, source: Source | None, now: datetime
) -> Sequence[Row]:
    """Show the whole configuration; of a source that is there already its status, too."""
    return tuple(_previewed(form, answers, lang, source, now))


def titled(saved: Saved, source: Source, lang: Lang, *, is_new: bool) -> str:
    """Say what came of saving."""
    if not saved.changed:
        return words(lang, "nothing saved")
    return words(lang, f"{'created' if is_new else 'edited'} {'on' if saved.enabled else 'off'}", name=source.name)


def what_next(form: Form, source: Source, lang: Lang, saved: Saved, replaced: Sequence[str]) -> Sequence[Row]:
    """Say what to do now: a sentence, and what to type in the chat, if anything.

    Of the secrets that were `replaced` the vendor still has the old ones.
    """
    handle, zh = source.handle, lang is Lang.ZH
    preview, enable, test = (
        (f"预览同步 {handle}", f"启用 {handle}", f"检测 {handle}")
        if zh
        else (f"sync preview {handle}", f"enable {handle}", f"test {handle}")
    )
    rows = [("next preview", preview)] if saved.enabled else [("next test", test), ("next enable", enable)]
    if form.doors:
        rows.append(("next paste", ""))
    rows.append(("next close", ""))
    said = [(words(lang, name), command) for name, command in rows]
    if replaced:
        labels = {each.name: each.label[zh] for each in form.fields}
        names = ("、" if zh else ", ").join(labels.get(each.replace("-", "_"), each) for each in replaced)
        said.insert(0, (words(lang, "next replaced", names=names), ""))
    return said


def clock_time(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M} ({zone})"


def is_unknown(value: str) -> bool:
    """Tell whether an address stands there that nobody told us."""
    return UNKNOWN in value


def _previewed(
    form: Form, answers: Mapping[str, str], lang: Lang, source: Source | None, now: datetime
) -> Iterator[Row]:
    def named(name: str, **facts: object) -> str:
        return words(lang, name, **facts)

    yield named("kind"), form.label[lang is Lang.ZH]
    yield named("handle"), answers["handle"]
    yield named("name"), answers["name"]
    yield named("description"), answers["description"]
    for each in plain(form):
        yield each.label[lang is Lang.ZH], answers.get(OF_KIND + each.name, "")
    state = named("yours to choose") if source is None else named("enabled" if source.enabled else "disabled")
    yield named("status"), state
    is_automatic = bool(answers["automatic"])
    yield named("automatic"), named("on" if is_automatic else "off")
    user_info = named("on" if answers["user_info"] else "off")
    yield named("user_info"), user_info if is_automatic else f"{user_info} ({named('no effect')})"
    yield named("rhythm"), _rhythm(form, answers, lang, now)


def _rhythm(form: Form, answers: Mapping[str, str], lang: Lang, now: datetime) -> str:
    # As it will be kept: a name and a handle that are wrong yet change nothing here.
    schedule = drafted(draft(form, answers, enabled=False), form, now).schedule
    if not schedule.cron:
        hours = int(schedule.cycle.total_seconds() // 3600)
        return words(lang, "every hour") if hours == 1 else words(lang, "every hours", count=hours)
    hour = schedule.cron.split()[1]
    daily = answers["rhythm"] == "daily"
    text = words(lang, "every day at", hour=f"{int(hour):02}") if daily else words(lang, "by cron", cron=schedule.cron)
    at = next_run(schedule, now)
    following = f"{at.astimezone(ZoneInfo(schedule.zone)):%Y-%m-%d %H:%M}" if at else ""
    return "\n".join(filter(None, (f"{text} ({schedule.zone})", words(lang, "next run", at=following) if at else "")))
