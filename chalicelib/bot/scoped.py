"""What a source is restricted to, put into words: its departments, and its people's values."""

from __future__ import annotations

from chalicelib.core.reply import Json
from chalicelib.core.source import Source
from chalicelib.notices.show import LONGEST_CELL, View, clean


def user_info_words(view: View, source: Source) -> str:
    """Say whether the values of existing employees are synchronized automatically, and when that has no effect."""
    text = (
        view.pick("on", "开启") if source.user_info else view.pick("off: values are left as they are", "关闭，保持不变")
    )
    if not source.schedule.automatic:
        text += view.pick(" (no effect while automatic sync is off)", "（自动同步已关闭，此设置不生效）")
    return text


def scope_words(view: View, source: Source) -> str:
    """Name the chosen departments, one a line."""
    if source.scope.is_everything:
        return view.pick("everything", "全部")
    return "\n".join(clean(each.path, LONGEST_CELL) for each in source.scope.departments)


def scope_document(source: Source) -> dict[str, Json]:
    return {
        "source": source.handle,
        "everything": source.scope.is_everything,
        "departments": [{"id": each.external_id, "path": each.path} for each in source.scope.departments],
    }
