"""Every message that Rollcall gives about a failure, a held change, or a limitation, in English and 中文.

Each says what happened and what to do. `{facts}` are ids, counts and codes, never people or secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from chalicelib.core.errors import Fact


class Lang(StrEnum):
    EN = "en"
    ZH = "zh"


CATALOGUE: Final[Mapping[str, tuple[str, str]]] = {
    # asking
    "unknown command": (
        "There is no command “{text}”. {hint}",
        "没有“{text}”这个命令。{hint}",
    ),
    "command is incomplete": (
        "That command needs more: {usage}",
        "命令不完整：{usage}",
    ),
    "command takes less": (
        "That is more than the command takes: {usage}",
        "命令的参数过多：{usage}",
    ),
    "unknown option": (
        "This command has no option --{option}: {usage}",
        "此命令没有选项 --{option}：{usage}",
    ),
    "forbidden": (
        "You need the role {role} for this. Ask an owner to give it to you.",
        "此操作需要{role}权限，请联系所有者授权。",
    ),
    "unknown trigger": (
        "Tasks are not triggered by “{trigger}”. There are: {triggers}.",
        "没有“{trigger}”这种触发方式。可用的有：{triggers}。",
    ),
    "no such source": (
        "There is no source “{handle}”. `sources` lists those there are.",
        "没有名为“{handle}”的来源。输入 `sources` 查看全部来源。",
    ),
    "no such task": (
        "There is no task {task}. `records` lists those there are.",
        "没有任务 {task}。输入 `records` 查看全部任务。",
    ),
    "no such entry": (
        "There is no entry {entry}. `employees` or `departments` list those there are.",
        "没有条目 {entry}。输入 `employees` 或 `departments` 查看。",
    ),
    "entry not in task": (
        "Task {task} has no row for {entry}. `record {task}` lists its rows.",
        "任务 {task} 中没有 {entry} 的记录。输入 `record {task}` 查看。",
    ),
    "source is disabled": (
        "Source “{handle}” is disabled, so it is not synced. Enable it first.",
        "来源“{handle}”已停用，不会同步。请先启用。",
    ),
    "already running": (
        "Task {task} is already at work on “{handle}”; this request joins it.",
        "任务 {task} 正在同步“{handle}”，本次请求并入该任务。",
    ),
    "another task is under way": (
        "Task {task} is at work on “{handle}”. Ask again when it has ended; `record {task}` shows how far it is.",
        "任务 {task} 正在处理“{handle}”，请待其结束后再试。输入 `record {task}` 查看进度。",
    ),
    "task is not over": (
        "Task {task} has not ended yet; wait for it first.",
        "任务 {task} 尚未结束，请稍候。",
    ),
    "nothing waits": (
        "Nothing in task {task} waits for a decision.",
        "任务 {task} 没有待审批的变更。",
    ),
    "callback refused": (
        "The callback is not proven to come from the vendor. Check the keys of this source against the console.",
        "无法证明此回调来自厂商。请核对此来源的密钥与后台配置。",
    ),
    "no such door": (
        "Nothing is pushed to a door “{door}” of a source of kind {kind}. Check the URL in the vendor's console.",
        "{kind} 类型的来源没有“{door}”这个回调入口。请检查厂商后台中配置的 URL。",
    ),
    # sources
    "handle breaks its rule": (
        "“{handle}” cannot be a handle: 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit.",
        "“{handle}”不能用作代号：1 到 32 个字符，可用 a-z、0-9、-、_，以字母或数字开头。",
    ),
    "source name breaks its rule": (
        "“{name}” cannot be a name: 2 to 100 of Chinese characters, letters, digits, - and _.",
        "“{name}”不能用作名称：2 到 100 个字符，可用中文、字母、数字、-、_。",
    ),
    "handle is taken": (
        "There is a source “{handle}” already. Choose another handle.",
        "代号“{handle}”已被使用，请换一个。",
    ),
    "too many enabled sources": (
        "At most {limit} sources can be enabled at once. Disable one of these first: {handles}.",
        "最多同时启用 {limit} 个来源。请先停用其中一个：{handles}。",
    ),
    "too many custom sources": (
        "At most {limit} custom source can be enabled. Disable “{handles}” first.",
        "最多启用 {limit} 个自定义来源。请先停用“{handles}”。",
    ),
    "unknown kind": (
        "There is no kind of source “{kind}”. There are: {kinds}.",
        "没有“{kind}”这种来源。可用的有：{kinds}。",
    ),
    "unknown setting": (
        "A source of kind {kind} has no setting “{field}”.",
        "{kind} 类型的来源没有“{field}”这一设置。",
    ),
    "secret given as an argument": (
        "“{field}” is a secret: give a file with --{field}-file, or - to read it from standard input.",
        "“{field}”是机密：请用 --{field}-file 指定文件，或用 - 从标准输入读取。",
    ),
    "setting is missing": (
        "A source of kind {kind} needs “{field}”.",
        "{kind} 类型的来源需要填写“{field}”。",
    ),
    "setting is misshaped": (
        "“{field}” does not look right: {help}",
        "“{field}”格式不正确：{help}",
    ),
    "secret file unreadable": (
        "Cannot read the file that is given for the secret “{field}”. Check its path and permissions; it holds text.",
        "无法读取机密“{field}”的文件，请检查路径和权限，文件内容须为文本。",
    ),
    "secret is empty": (
        "The secret “{field}” is empty.",
        "机密“{field}”为空。",
    ),
    "secrets are missing": (
        "The secrets of “{handle}” are not on this machine. Create the source again, or copy the secrets file back.",
        "本机没有来源“{handle}”的机密。请重新创建来源，或恢复机密文件。",
    ),
    "setting is malformed": (
        "The setting {names} is missing or malformed. Correct the environment and start again.",
        "设置 {names} 缺失或格式错误，请修正环境变量后重试。",
    ),
    "home cannot be used": (
        "Cannot keep state in {home} ({problem}). Choose another directory with --home or ROLLCALL_HOME.",
        "无法在 {home} 保存数据（{problem}）。请用 --home 或 ROLLCALL_HOME 指定其他目录。",
    ),
    "cannot listen": (
        "Cannot listen on {host} port {port} ({problem}). Choose another --host or --port.",
        "无法在 {host} 的端口 {port} 上监听（{problem}）。请用 --host 或 --port 另选。",
    ),
    # what a source answers
    "credentials refused": (
        "The vendor refuses the app id or secret of this source (code {code}). Copy both from the console again.",
        "厂商拒绝了此来源的应用凭证（错误码 {code}）。请从后台重新复制应用 ID 和密钥。",
    ),
    "company refused": (
        "The vendor does not let this app speak for that company (code {code}). Copy the company's id again.",
        "厂商不允许此应用访问该企业（错误码 {code}）。请重新复制企业 ID。",
    ),
    "unknown app": (
        "The vendor does not know this app id (code {code}). Check the id, and that the base URL is of the right cloud.",
        "厂商不认识此应用 ID（错误码 {code}）。请检查 ID，以及服务地址是否属于正确的区域。",
    ),
    "app not available": (
        "The app is disabled, or not installed in this company (code {code}). Publish it and let an admin approve it.",
        "应用已停用或未安装到本企业（错误码 {code}）。请发布应用版本并由管理员审批。",
    ),
    "permission missing": (
        "The app lacks a permission: {scopes} (code {code}). Grant it, publish a version of the app, and sync again.",
        "应用缺少权限：{scopes}（错误码 {code}）。请开通权限、发布应用版本后重新同步。",
    ),
    "address not allowed": (
        "The vendor does not accept calls from this network (code {code}). Add its address to the app's IP allow-list.",
        "厂商不接受来自此网络的调用（错误码 {code}）。请把出口 IP 加入应用的白名单。",
    ),
    "quota used up": (
        "The vendor's monthly quota of calls is used up (code {code}). Syncs go on when it is renewed or enlarged.",
        "厂商的每月调用额度已用完（错误码 {code}）。额度恢复或扩容后继续同步。",
    ),
    "source throttles": (
        "The vendor kept limiting our calls to {endpoint}. Nothing was changed; the sync is tried again later.",
        "厂商持续限制对 {endpoint} 的调用。未作任何变更，稍后自动重试。",
    ),
    "network is blocked": (
        "The vendor blocks all calls from this network for about {minutes} minutes, because too many came from it. "
        "Nothing was changed; the sync is tried again then.",
        "来自此网络的调用过多，厂商将其封禁约 {minutes} 分钟。未作任何变更，届时自动重试。",
    ),
    "source unavailable": (
        "The vendor did not answer properly at {endpoint} ({problem}). Nothing was changed; the sync is tried again later.",
        "厂商接口 {endpoint} 未正常应答（{problem}）。未作任何变更，稍后自动重试。",
    ),
    "source broke its contract": (
        "The vendor's answer at {endpoint} is not understood ({problem}). Nothing was changed. Please report this.",
        "无法理解厂商接口 {endpoint} 的应答（{problem}）。未作任何变更，请反馈此问题。",
    ),
    "parameters refused": (
        "The vendor refuses our request to {endpoint} (code {code}). Nothing was changed. Please report this.",
        "厂商拒绝了对 {endpoint} 的请求（错误码 {code}）。未作任何变更，请反馈此问题。",
    ),
    "another company": (
        "Of {known} known people {kept} were seen, but {seen} new ones: these credentials show another company. "
        "Nothing was changed. Check the app id, or create a new source.",
        "已知的 {known} 名成员中只看到 {kept} 名，却有 {seen} 名新成员：这些凭证属于另一家企业。未作任何变更。请检查应用 ID，或新建来源。",
    ),
    # what a read could not see
    "range is partial": (
        "The app may only see part of the company ({departments} departments, {people} single people). Others are kept "
        "as they are. To see everyone, widen the app's contact range.",
        "应用只能看到企业的一部分（{departments} 个部门、{people} 名单独授权的成员），其余保持不变。如需全部，请扩大应用的通讯录权限范围。",
    ),
    "fields not readable": (
        "The app may not read {fields}; those fields are kept as they are. To read them, grant {scopes} and publish.",
        "应用无权读取 {fields}，这些字段保持不变。如需读取，请开通 {scopes} 并发布版本。",
    ),
    "permissions unknown": (
        "The vendor does not tell which permissions the app has (code {code}); empty fields are kept as they are.",
        "厂商未告知应用拥有哪些权限（错误码 {code}），空字段保持不变。",
    ),
    "outside the range": (
        "It is outside the app's contact range (code {code}), so nobody can say whether it left. It is kept.",
        "超出应用的通讯录权限范围（错误码 {code}），无法判断是否已离开，保持不变。",
    ),
    "answer unclear": (
        "The vendor gave no clear answer about it (code {code}). It is kept.",
        "厂商没有给出明确答复（错误码 {code}），保持不变。",
    ),
    "some cannot be seen": (
        "{employees} employee(s) and {departments} department(s) that we know cannot be seen any more, and the vendor does "
        "not say that they left. They are kept. Check the app's contact range.",
        "已知的 {employees} 名员工和 {departments} 个部门现在看不到，厂商也没有说他们已离开，因此保持不变。请检查应用的通讯录权限范围。",
    ),
    "some are unclear": (
        "{employees} employee(s) and {departments} department(s) were shown in two ways, or with a value missing, and the "
        "vendor gave no clear answer about them by name. They are kept as they are. Sync again.",
        "{employees} 名员工和 {departments} 个部门前后显示不一致或缺少某个值，逐个查询也没有明确答复，因此保持不变。请重新同步。",
    ),
    "fields not shown": (
        "The vendor does not show {fields} (for {count} entries), nor says that it is empty; it is kept as it is. Check the "
        "app's permissions, then sync again.",
        "厂商未显示 {fields}（{count} 个条目），也未说明为空，因此保持不变。请检查应用权限后重新同步。",
    ),
    "nobody was found": (
        "The vendor said that it is gone, but did not find anybody else either. It is kept. Sync again.",
        "厂商称其已不存在，但其他人也都查不到，因此保持不变。请重新同步。",
    ),
    # rows of a plan
    "value does not fit its field": (
        "The source's value for {field} does not fit. The entry is kept as it is; correct the value in the source.",
        "来源中 {field} 的值不符合要求，条目保持不变。请在来源中修正。",
    ),
    "new entry lacks a field": (
        "It is new, and the source does not show its {field}; it is not created. Grant the permission for that field.",
        "这是新条目，但来源未提供 {field}，因此未创建。请开通读取该字段的权限。",
    ),
    "too many employees at once": (
        "{count} people would lose access ({recent} more within the hour); the guard lets {limit} pass. "
        "Approve them, or refuse.",
        "将有 {count} 人失去访问权限（一小时内另有 {recent} 人），超过保护上限 {limit}。请批准或拒绝。",
    ),
    "too many departments at once": (
        "{count} departments would be closed ({recent} more within the hour); the guard lets {limit} pass. "
        "Approve them, or refuse.",
        "将关闭 {count} 个部门（一小时内另有 {recent} 个），超过保护上限 {limit}。请批准或拒绝。",
    ),
    "cannot be seen": (
        "It cannot be seen since {since}, and nobody says that it left. Approve its removal, or restore the app's range.",
        "自 {since} 起无法看到，也没有离开的消息。请批准移除，或恢复应用的权限范围。",
    ),
    "field vanished from many": (
        "{field} became empty for {count} at once: rather a lost permission than an edit. It is kept; approve if meant.",
        "{field} 同时有 {count} 个变为空，更像是权限丢失而非修改，因此保留。如确需清空请批准。",
    ),
    "field changed for many": (
        "{field} changes for {count} at once. Approve if that is meant.",
        "{field} 同时有 {count} 个发生变化。如确认无误请批准。",
    ),
    "its people wait": (
        "It stays open while the removal of people in it waits for a decision.",
        "其中人员的移除仍待审批，部门暂时保留。",
    ),
    "newer observation": (
        "A newer observation was written meanwhile; this one was dropped.",
        "期间已有更新的观察结果写入，本条作废。",
    ),
    "departure contradicted": (
        "An event said that they left, but the source went on showing them; they are kept. Look in the console.",
        "事件称其已离开，但来源仍显示在职，因此保留。请到后台确认。",
    ),
    "approved": (
        "Approved, and applied by task {task}.",
        "已批准，由任务 {task} 执行。",
    ),
    "approval not true any more": (
        "Approved, but not true any more when task {task} looked again; nothing was changed.",
        "已批准，但任务 {task} 再次确认时情况已变，未作变更。",
    ),
    "rejected": (
        "Refused by an admin.",
        "管理员已拒绝。",
    ),
    "out of date": (
        "A later full sync, task {task}, made this plan out of date.",
        "较新的全量同步任务 {task} 已使此计划过期。",
    ),
    # how tasks end
    "waits for approval": (
        "{count} changes wait for a person; everything else is applied. See `record {task}`, then `sync approve {task}` "
        "or `sync reject {task}`.",
        "有 {count} 项变更等待审批，其余已执行。请查看 `record {task}`，再输入 `sync approve {task}` 或 `sync reject {task}`。",
    ),
    "is a preview": (
        "A preview: nothing is applied. `sync approve {task}` applies it.",
        "这是预览，未执行任何变更。输入 `sync approve {task}` 执行。",
    ),
    "gave up": (
        "The task was started {attempts} times and never came to its end. Look into the log, then sync again.",
        "任务启动了 {attempts} 次仍未完成。请查看日志后重新同步。",
    ),
    "store is busy": (
        "The store did not take a write in time; the work goes on by itself.",
        "存储暂时繁忙，任务会自动继续。",
    ),
    "lease is lost": (
        "Another worker took this source over; it goes on there.",
        "另一个进程已接管此来源，任务在那里继续。",
    ),
    "internal error": (
        "Something went wrong inside Rollcall ({kind}). Nothing more was changed. Please report this, with the log.",
        "Rollcall 内部错误（{kind}）。未再作任何变更，请附日志反馈。",
    ),
}


def say(code: str, lang: Lang, facts: Mapping[str, Fact]) -> str:
    """Put a message into words."""
    return CATALOGUE[code][lang is Lang.ZH].format_map(facts)
