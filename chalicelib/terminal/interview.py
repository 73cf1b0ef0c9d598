"""Questions about a source, one after another: each answer is checked at once, secrets are typed unseen.

Nothing is saved before the whole of it was shown and somebody said so; whoever stops in between leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from chalicelib.bot.command import Ask
from chalicelib.bot.commands.setup import LOGO, Draft, draft_of, preview, rebased, refused, wrong
from chalicelib.core.catalogue import say
from chalicelib.core.errors import RollcallError
from chalicelib.core.logo import MOST_KB
from chalicelib.core.reply import Line, Reply, Tone
from chalicelib.core.secret import Secret
from chalicelib.core.source import DAILY, Form, FormField, Source, answered
from chalicelib.terminal.screen import Screen

_YES: Final = frozenset({"y", "yes", "是"})
_NO: Final = frozenset({"n", "no", "否"})
_EMPTY: Final = "-"
_SAVE, _ACTIVATE, _CANCEL = "s", "a", "c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interview:
    """`read` gives what is typed after a question; `unseen` puts one itself, and does not show what is typed."""

    ask: Ask
    screen: Screen
    read: Callable[[], str]
    unseen: Callable[[str], str]

    def create(self, draft: Draft, given: Collection[str]) -> Draft | None:
        """Ask for what a new source is to be, but for the fields that were given; None when it is not to be saved.

        Raises:
            CallerError: what is wrong with those, all of it, before more is asked.
        """
        kinds = [form.kind for form in self.ask.rooms.connectors.forms()]
        if len(kinds) == 1 and not draft.kind:
            draft = replace(draft, kind=kinds[0])
        draft = self._kind(draft, kinds)
        form = self.ask.rooms.connectors.form(draft.kind)
        wrongly = {name: error for name, error in self._wrong(draft, form, None).items() if name in given}
        if wrongly:
            raise refused(wrongly)
        self._explain()
        if "handle" not in given:
            what = self.ask.pick("handle, as in commands and URLs", "代号，用于命令和 URL")
            draft = self._text(draft, form, "handle", what, None)
        draft = self._questions(draft, form, None, given)
        return self._decided(draft, form, None)

    def edit(self, source: Source) -> Draft | None:
        """Ask for what is to change; None when nothing is to be saved.

        Questions take a while: what others change meanwhile stays as they left it.
        """
        form = self.ask.rooms.connectors.form(source.kind)
        seen = _seen(source, form)
        self._explain()
        draft = self._decided(self._questions(seen, form, source, ()), form, source)
        return draft and rebased(draft, seen, _seen(self.ask.catalog.source(source.uid), form))

    # --- the questions

    def _questions(self, draft: Draft, form: Form, edits: Source | None, given: Collection[str]) -> Draft:
        pick = self.ask.pick
        if "name" not in given:
            draft = self._text(draft, form, "name", pick("name", "名称"), edits)
        if "description" not in given:
            what = pick("description, the title of the sign-in page", "描述，登录页的标题")
            draft = self._text(draft, form, "description", what, edits)
        for each in form.fields:
            if each.name not in given:
                draft = (
                    self._secret(draft, form, each, edits) if each.secret else self._setting(draft, form, each, edits)
                )
        if "automatic" not in given:
            draft = self._flag(draft, "automatic", pick("automatic sync", "自动同步"))
        if not {"cycle_hours", "cron"} & {*given}:
            draft = self._schedule(draft, form, edits)
        if "zone" not in given:
            draft = replace(draft, zone=draft.zone or form.zone)
            draft = self._text(draft, form, "zone", pick("time zone", "时区"), edits)
        info = pick("synchronize the information of people who are there already", "同步已有人员的信息")
        if not draft.automatic:
            info += pick(" (no effect while automatic sync is off)", "（自动同步已关闭，此设置不生效）")
        if "user_info" not in given:
            draft = self._flag(draft, "user_info", info)
        return draft if LOGO in given else self._logo(draft, form, edits)

    def _kind(self, draft: Draft, kinds: list[str]) -> Draft:
        while draft.kind not in kinds:
            if draft.kind:
                self._complain(say("unknown kind", self.ask.lang, {"kind": draft.kind[:40], "kinds": ", ".join(kinds)}))
            labels = ", ".join(f"{each} ({self.ask.rooms.connectors.form(each).label[self.ask.zh]})" for each in kinds)
            draft = replace(draft, kind=self._typed(self.ask.pick(f"kind: {labels}", f"类型：{labels}"), ""))
        return draft

    def _text(self, draft: Draft, form: Form, name: str, what: str, edits: Source | None) -> Draft:
        while True:
            default = str(getattr(draft, name))
            typed = self._typed(what, default)
            changed = replace(draft, **{name: "" if typed == _EMPTY else typed})  # type: ignore[arg-type] # all texts
            if self._is_well(changed, form, edits, name):
                return changed

    def _setting(self, draft: Draft, form: Form, each: FormField, edits: Source | None) -> Draft:
        self._help(each)
        while True:
            typed = self._typed(each.label[self.ask.zh], draft.settings.get(each.name) or each.default)
            changed = replace(draft, settings={**draft.settings, each.name: "" if typed == _EMPTY else typed})
            if self._is_well(changed, form, edits, each.name):
                return changed

    def _secret(self, draft: Draft, form: Form, each: FormField, edits: Source | None) -> Draft:
        self._help(each)
        note = self.ask.pick("unseen", "输入时不显示")
        if edits is not None:
            note += self.ask.pick("; Enter leaves it as it is", "；直接回车保持不变")
            note += "" if each.required else self.ask.pick("; - takes it away", "；输入 - 删除")
        elif not each.required:
            note += self.ask.pick("; Enter for none", "；直接回车跳过")
        while True:
            typed = self.unseen(f"{each.label[self.ask.zh]} ({note}): ").strip()
            if not typed and (edits is not None or not each.required):
                return draft
            if typed == _EMPTY and edits is not None and not each.required:
                return replace(draft, dropped=(*draft.dropped, each.name))
            changed = replace(draft, secrets={**draft.secrets, each.name: Secret(typed)}) if typed else draft
            if self._is_well(changed, form, edits, each.name):
                return changed

    def _flag(self, draft: Draft, name: str, what: str) -> Draft:
        is_on = bool(getattr(draft, name))
        while True:
            self.screen.ask(f"{what}? [{'Y/n' if is_on else 'y/N'}] ")
            typed = self.read().strip().casefold()
            if not typed or typed in _YES | _NO:
                return replace(draft, **{name: typed in _YES if typed else is_on})  # type: ignore[arg-type] # both flags

    def _schedule(self, draft: Draft, form: Form, edits: Source | None) -> Draft:
        what = self.ask.pick(
            "every so many hours (1 to 24), or a cron expression", "每隔几小时（1 到 24），或 cron 表达式"
        )
        while True:
            default = draft.cron if draft.cycle_hours is None else str(draft.cycle_hours)
            typed = self._typed(what, default)
            hours = typed.removesuffix("h")
            if hours.isascii() and hours.isdecimal():
                changed = replace(draft, cycle_hours=int(hours[:4]), cron=DAILY)
            else:
                changed = replace(draft, cycle_hours=None, cron=typed)
            if self._is_well(changed, form, edits, "cycle_hours") and self._is_well(changed, form, edits, "cron"):
                return changed

    def _logo(self, draft: Draft, form: Form, edits: Source | None) -> Draft:
        rule = self.ask.pick(
            "PNG or JPG, square, 240 px or more, 120 KB at most", "PNG 或 JPG，正方形，至少 240 像素，最大 120 KB"
        )
        kept = self.ask.rooms.sources.logo(edits) if edits else ""
        ways = self.ask.pick("; - takes it away", "；输入 - 删除") if kept else ""
        while True:
            typed = self._typed(self.ask.pick(f"logo, a file ({rule}{ways})", f"徽标文件（{rule}{ways}）"), kept)
            if typed in ("", kept):
                return draft
            if typed == _EMPTY:
                return replace(draft, logo=b"")
            changed = self._read_logo(draft, typed)
            if changed is not None and self._is_well(changed, form, edits, "logo"):
                return changed

    def _read_logo(self, draft: Draft, path: str) -> Draft | None:
        try:
            with Path(path).expanduser().open("rb") as file:
                return replace(draft, logo=file.read((MOST_KB + 1) * 1024))
        except OSError:
            self._complain(say("logo is no picture", self.ask.lang, {}))
            return None

    # --- the end

    def _decided(self, draft: Draft, form: Form, edits: Source | None) -> Draft | None:
        self.screen.show(Reply(blocks=preview(self.ask, draft, edits=edits), data=None), as_text=True)
        may_activate = edits is None or not edits.enabled
        default = _ACTIVATE if edits is None and draft.enabled else _SAVE
        while True:
            self.screen.ask(f"{self._choices(may_activate)} [{default}] ")
            typed = self.read().strip().casefold()[:1] or default
            if typed == _CANCEL:
                return None
            if typed == _SAVE or (typed == _ACTIVATE and may_activate):
                decided = replace(draft, enabled=typed == _ACTIVATE)
                found = self._wrong(decided, form, edits)
                if not found:
                    return decided
                for error in found.values():
                    self._complain(say(error.code, self.ask.lang, error.facts))

    def _choices(self, may_activate: bool) -> str:
        save, cancel = self.ask.pick("[s] save", "[s] 保存"), self.ask.pick("[c] cancel", "[c] 取消")
        activate = self.ask.pick("[a] test, save and activate", "[a] 检测并保存启用")
        return " · ".join((activate, save, cancel) if may_activate else (save, cancel))

    def _explain(self) -> None:
        text = self.ask.pick(
            "Enter takes what stands in brackets, - empties it, Ctrl-C cancels.",
            "回车采用方括号中的值，- 清空，Ctrl-C 取消。",
        )
        self.screen.note(text)

    def _help(self, each: FormField) -> None:
        if each.help[self.ask.zh]:
            self.screen.note(each.help[self.ask.zh])

    def _typed(self, what: str, default: str) -> str:
        self.screen.ask(f"{what} [{default}]: " if default else f"{what}: ")
        return self.read().strip() or default

    def _is_well(self, draft: Draft, form: Form, edits: Source | None, name: str) -> bool:
        error = self._wrong(draft, form, edits).get(name)
        if error is not None:
            self._complain(say(error.code, self.ask.lang, error.facts))
        return error is None

    def _wrong(self, draft: Draft, form: Form, edits: Source | None) -> Mapping[str, RollcallError]:
        others, now = self.ask.catalog.sources(), self.ask.rooms.clock.now()
        return wrong(draft, form, others, now, edits=edits)

    def _complain(self, text: str) -> None:
        self.screen.show(Reply(blocks=(Line(text=text, tone=Tone.BAD),), data=None), as_text=True)


def _seen(source: Source, form: Form) -> Draft:
    """Say what a source is as the questions show it: with the defaults of what was left empty."""
    return replace(draft_of(source), settings=answered(form, source.settings))
