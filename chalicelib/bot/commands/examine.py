"""`test`: what a source needs. Of what is not well: what was tried, what came back, what it means, what to do."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from chalicelib.bot.command import Ask, command
from chalicelib.core.diagnosis import Told, told
from chalicelib.core.finding import Check, Finding, Grade, worst
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Button, Json, Line, Pairs, Reply, Tone
from chalicelib.core.source import Source
from chalicelib.notices.show import clean, local

LABELS: Final[Mapping[Check, tuple[str, str]]] = {
    Check.CREDENTIALS: ("credentials", "凭证"),
    Check.NETWORK: ("network", "网络"),
    Check.CLOCK: ("clock", "时钟"),
    Check.PERMISSIONS: ("permissions", "权限"),
    Check.RANGE: ("contact range", "通讯录范围"),
    Check.SAMPLE: ("sample", "样本"),
    Check.FIELDS: ("fields", "字段"),
    Check.CHAT: ("chat", "聊天"),
    Check.CARDS: ("cards", "卡片"),
    Check.CALLBACK: ("callback keys", "回调密钥"),
    Check.QUOTA: ("quota", "调用额度"),
    Check.ADDRESS: ("public address", "公网地址"),
    Check.EVENTS: ("events", "事件"),
    Check.SCOPE: ("scope", "同步范围"),
    Check.SCHEDULE: ("schedule", "定时"),
    Check.READ: ("last full read", "最近全量读取"),
}
_MARKS: Final = {Grade.OK: ("✓", Tone.GOOD), Grade.WARNING: ("!", Tone.WARN), Grade.FAILED: ("✗", Tone.BAD)}
_PARTS: Final = (("tried", "尝试"), ("answer", "结果"), ("means", "影响"), ("do", "处理"))
_LABEL_WIDTH: Final = 16
_INDENT: Final = "    "


@command(
    "test <source> [--all]",
    zh="检测 <source> [--all]",
    role=Role.OPERATOR,
    help=(
        "Check what a source needs, with the vendor and without; --all tells in chat what was tried, too",
        "检测来源的凭证、权限和回调；--all 在聊天中显示全部细节",
    ),
    aliases=("check", "检查", "测试"),
    noted=True,
)
def test(ask: Ask, source: str, all: bool) -> Reply:
    tell = ask.tell

    def found(finding: Finding) -> None:
        if tell is not None:
            for block in in_full(ask, finding, ask.catalog.source(source)):
                tell(block)

    # Each is told when it is known: a vendor that does not answer takes half a minute.
    findings = ask.rooms.sources.test(ask.who, source, found)
    known = ask.catalog.source(source)
    tone = _MARKS[worst(findings)][1]
    end = Line(text=summary(ask, findings), tone=tone)
    blocks: tuple[Block, ...] = (end,)
    if tell is None:
        blocks = (*_blocks(ask, findings, known, in_all=all or not ask.heard), end)
    again = Button(label=ask.pick("Again", "重新检测"), command=f"test {known.handle}")
    details = Button(label=ask.pick("Details", "全部细节"), command=f"test {known.handle} --all")
    is_short = ask.heard and not all and worst(findings) is not Grade.OK
    return Reply(
        title="" if tell is not None else ask.pick(f"Test of {known.handle}", f"{known.handle} 检测结果"),
        tone=tone,
        blocks=blocks,
        buttons=((again, details) if is_short else (again,)) if ask.heard else (),
        data=[document(ask, each, known) for each in findings],
        failed=worst(findings) is Grade.FAILED,
    )


def summary(ask: Ask, findings: Sequence[Finding]) -> str:
    """Say in a line how it went."""
    failed = sum(each.grade is Grade.FAILED for each in findings)
    warned = sum(each.grade is Grade.WARNING for each in findings)
    if failed:
        return ask.pick(f"{failed} failed, {warned} to look at.", f"{failed} 项失败，{warned} 项需注意。")
    if warned:
        return ask.pick(f"It works; {warned} to look at.", f"可用；{warned} 项需注意。")
    return ask.pick("All is well.", "一切正常。")


def in_full(ask: Ask, finding: Finding, source: Source) -> tuple[Block, ...]:
    """Show a finding as a line, and below it the four parts of one that is not well."""
    mark, tone = _MARKS[finding.grade]
    words = _told(ask, finding, source)
    label = ask.pick(*LABELS[finding.check])
    line = Line(text=f"{mark} {_padded(label)} {words.brief}", tone=tone)
    if finding.grade is Grade.OK:
        return (line,)
    return line, Pairs(pairs=tuple((_INDENT + part, text) for part, text in _parts(ask, words)))


def in_short(ask: Ask, finding: Finding, source: Source) -> Line:
    """Show what came back and what to do, as a phone has room for."""
    words = _told(ask, finding, source)
    text = f"{ask.pick(*LABELS[finding.check])} · {words.brief}"
    return Line(text=f"{text} → {words.do}" if words.do else text, tone=_MARKS[finding.grade][1])


def document(ask: Ask, finding: Finding, source: Source) -> Mapping[str, Json]:
    words = _told(ask, finding, source)
    return {
        "check": finding.check,
        "grade": finding.grade,
        "cause": finding.cause or None,
        "facts": dict(finding.facts),
        "tried": words.tried,
        "answer": words.came,
        "means": words.means or None,
        "do": words.do or None,
        "vendor_code": finding.vendor_code,
        "request_id": finding.request_id,
        "link": finding.link or None,
    }


def _blocks(ask: Ask, findings: Sequence[Finding], source: Source, *, in_all: bool) -> tuple[Block, ...]:
    if not ask.heard:
        return tuple(block for each in findings for block in in_full(ask, each, source))
    wrong = sorted((each for each in findings if each.grade is not Grade.OK), key=lambda each: each.grade.value)
    well = [ask.pick(*LABELS[each.check]) for each in findings if each.grade is Grade.OK]
    fine = (Line(text=ask.pick(", ", "、").join(dict.fromkeys(well)), tone=Tone.GOOD),) if well else ()
    if not in_all:
        return (*(in_short(ask, each, source) for each in wrong), *fine)
    shown = tuple(block for each in wrong for block in _in_chat(ask, each, source))
    return (*shown, *fine)


def _in_chat(ask: Ask, finding: Finding, source: Source) -> tuple[Block, ...]:
    """Show all four parts, where lines are short."""
    words = _told(ask, finding, source)
    label = Line(text=f"{ask.pick(*LABELS[finding.check])} · {words.brief}", tone=_MARKS[finding.grade][1])
    return label, Pairs(pairs=_parts(ask, words))


def _parts(ask: Ask, words: Told) -> tuple[tuple[str, str], ...]:
    """List what is not said above already."""
    said = zip(_PARTS, (words.tried, words.ticket and words.came, words.means, words.do), strict=True)
    return tuple((ask.pick(*part), text) for part, text in said if text)


def _told(ask: Ask, finding: Finding, source: Source) -> Told:
    """Put it into words; the vendor's part of the facts is cleaned, for it ends on a screen."""
    console = ask.rooms.connectors.form(source.kind).console
    facts = {name: clean(text) if isinstance(text, str) else text for name, text in finding.facts.items()}
    facts = {**local(facts, source.schedule.zone), "handle": source.handle}
    # A chat takes addresses apart, so that nobody follows a wrong one; a right one would be of no use there either.
    return told(replace(finding, link="") if ask.heard else finding, ask.lang, console, facts)


def _padded(label: str) -> str:
    """Fill a label up to a column; Chinese takes two cells a letter."""
    cells = sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in label)
    return label + " " * (_LABEL_WIDTH - cells)
