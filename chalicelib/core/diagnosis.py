"""What a finding says, in English and 中文: what was tried, what came back, what it means for the sync, what to do.

`{facts}` are those of the finding; `{page_...}` is what the vendor's console calls the page where it is done, which is
the vendor's own (`Form.console`). Kept apart from the catalogue because each entry has three parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import Fact
from chalicelib.core.finding import Check, Finding

Words = tuple[str, str]

NONE: Final[Words] = ("", "")


class Means(Enum):
    """What it means for the sync."""

    NOTHING = NONE
    STOPS = (
        "No sync can be made; whatever is in the directory stays as it is.",
        "无法同步；通讯录中已有的内容保持不变。",
    )
    WAITS = (
        "Syncs wait until the vendor answers, then go on by themselves; nothing is lost.",
        "同步会等待，厂商恢复应答后自动继续，不会丢失数据。",
    )
    NOBODY_NEW = (
        "New people or departments cannot be created; those there are keep what they have.",
        "无法新建人员或部门，已有的保持不变。",
    )
    KEEPS = (
        "These fields are left as they are in the directory; nothing is cleared.",
        "通讯录中的这些字段保持不变，不会被清空。",
    )
    PART = (
        "Only that part is synced; everybody else is kept as they are.",
        "只同步这一部分，其余人员保持不变。",
    )
    MORE_CALLS = (
        "Syncs work, but ask for people one by one; and the vendor does not push changes.",
        "可以同步，但需逐人查询；厂商也不会推送变更。",
    )
    LATE = (
        "Changes come with the next full sync only, not within seconds.",
        "变更要等下一次全量同步，无法在几秒内生效。",
    )
    MUTE = (
        "Syncs are not affected; commands and notices in this chat do not work.",
        "同步不受影响；但聊天中的命令和通知不可用。",
    )
    NO_BUTTONS = (
        "Syncs are not affected; buttons in chat do nothing, commands must be typed.",
        "同步不受影响；聊天中的按钮无效，需输入命令。",
    )
    DRIFTS = (
        "Schedules fire at the wrong time, and what the vendor pushes may be refused as too old.",
        "定时会偏离，厂商的推送可能因时间过旧而被拒绝。",
    )
    IDLE = (
        "It is synced only when somebody asks for it.",
        "只有手动发起时才会同步。",
    )
    UNSURE = (
        "Whether a sync would work is not known.",
        "无法判断同步能否成功。",
    )


@dataclass(frozen=True, slots=True)
class Diagnosis:
    came: Words
    means: Means = Means.NOTHING
    do: Words = NONE


# Also said of every check without a cause.
WELL: Final = Diagnosis(("well", "正常"))

TRIED: Final[Mapping[Check, Words]] = {
    Check.CREDENTIALS: ("asked for a fresh token with this app's id and secret", "用此应用的 ID 和密钥申请新的令牌"),
    Check.NETWORK: ("called the vendor from here", "从本机调用厂商接口"),
    Check.CLOCK: ("compared our clock with the vendor's", "比较本机与厂商的时钟"),
    Check.PERMISSIONS: ("looked which permissions the app has", "查看应用拥有的权限"),
    Check.RANGE: ("read the contact range of the app", "读取应用的通讯录权限范围"),
    Check.SAMPLE: ("read some departments and some of their people", "读取若干部门及其部分成员"),
    Check.FIELDS: ("looked in the sample for every field of the mapping", "在样本中逐一核对字段映射用到的字段"),
    Check.CHAT: ("asked after the bot, and whether it may speak", "查询机器人状态及其发消息权限"),
    Check.CARDS: ("looked whether cards with buttons work", "检查带按钮的卡片是否可用"),
    Check.CALLBACK: ("looked at the keys that prove what the vendor pushes", "检查用于验证厂商推送的密钥"),
    Check.QUOTA: ("counted the calls of this test", "统计本次检测的调用次数"),
    Check.ADDRESS: ("looked at the public address that the vendor pushes to", "检查厂商推送所用的公网地址"),
    Check.EVENTS: (
        "looked when the vendor last checked the URL and pushed an event",
        "查看厂商最近一次校验网址和推送事件的时间",
    ),
    Check.SCOPE: ("asked for the chosen departments by their ids", "按 ID 查询已选择的部门"),
    Check.SCHEDULE: ("looked when it is synced by itself", "查看自动同步的时间"),
    Check.READ: ("looked for the last complete read", "查看最近一次完整读取"),
}

_PUBLISH: Final[Words] = (
    "Then create a version at {page_versions} and let an admin approve it; test again.",
    "然后在“{page_versions}”创建版本并由管理员审批，再重新检测。",
)
_TEST_AGAIN: Final[Words] = (" Then test again.", "然后重新检测。")


def _published(english: str, chinese: str) -> Words:
    return f"{english} {_PUBLISH[0]}", f"{chinese}{_PUBLISH[1]}"


def _again(english: str, chinese: str) -> Words:
    return english + _TEST_AGAIN[0], chinese + _TEST_AGAIN[1]


DIAGNOSES: Final[Mapping[str, Diagnosis]] = {
    # who we are
    "credentials refused": Diagnosis(
        ("the vendor refuses the app id or its secret", "厂商拒绝了应用 ID 或密钥"),
        Means.STOPS,
        _again(
            "Copy both again from {page_credentials}: `source edit {handle}`.",
            "从“{page_credentials}”重新复制两者：`编辑来源 {handle}`。",
        ),
    ),
    "unknown app": Diagnosis(
        ("the vendor knows no such app, or it is switched off", "厂商不认识此应用，或应用已停用"),
        Means.STOPS,
        _again(
            "Compare the app id with {page_credentials}, and see at {page_admin} that the app is switched on. Where the "
            "company is in another region, correct the base URL: `source edit {handle}`.",
            "与“{page_credentials}”核对应用 ID，并在“{page_admin}”确认应用已启用。如企业属于其他区域，请修正服务地址：`编辑来源 {handle}`。",
        ),
    ),
    "wrong region": Diagnosis(
        ("the app is unknown at {host}, but known at {other}", "{host} 上没有此应用，但 {other} 上有"),
        Means.STOPS,
        _again("Set the base URL to {other}: `source edit {handle}`.", "把服务地址改为 {other}：`编辑来源 {handle}`。"),
    ),
    "company refused": Diagnosis(
        ("the app does not belong to the company with this id", "此应用不属于该企业 ID 对应的企业"),
        Means.STOPS,
        _again(
            "Copy the company's id again from {page_company}: `source edit {handle}`.",
            "从“{page_company}”重新复制企业 ID：`编辑来源 {handle}`。",
        ),
    ),
    "third-party app": Diagnosis(
        ("this is the key of a third-party (ISV) app", "这是第三方（ISV）应用的密钥"),
        Means.STOPS,
        _again(
            "Create an app of the company itself (internal app) and use its keys: `source edit {handle}`.",
            "请创建企业内部应用，并使用其密钥：`编辑来源 {handle}`。",
        ),
    ),
    "app not available": Diagnosis(
        (
            "the app is switched off, or no version of it is published in this company",
            "应用已停用，或尚未在本企业发布版本",
        ),
        Means.STOPS,
        _again(
            "Create a version at {page_versions}, let an admin approve it, and see at {page_admin} that the app is switched "
            "on.",
            "在“{page_versions}”创建版本并由管理员审批，并在“{page_admin}”确认应用已启用。",
        ),
    ),
    "secrets are missing": Diagnosis(
        ("the secrets of this source are not kept here", "此处没有保存该来源的机密"),
        Means.STOPS,
        _again("Give them again: `source edit {handle}`.", "请重新填写：`编辑来源 {handle}`。"),
    ),
    # how we get there
    "address not allowed": Diagnosis(
        (
            "the vendor refuses calls from here: our address is not in the app's IP allow-list",
            "厂商拒绝来自本机的调用：出口 IP 不在应用的白名单中",
        ),
        Means.STOPS,
        _again(
            "Add the address that calls leave from to {page_security}, or switch the list off there.",
            "在“{page_security}”添加出口 IP，或在该处关闭白名单。",
        ),
    ),
    "this address not allowed": Diagnosis(
        (
            "the vendor refuses calls from our address {address}: it is not in the app's IP allow-list",
            "厂商拒绝来自 {address} 的调用：不在应用的 IP 白名单中",
        ),
        Means.STOPS,
        _again(
            "Add {address} to {page_security}, or switch the list off there.",
            "在“{page_security}”添加 {address}，或在该处关闭白名单。",
        ),
    ),
    "network is blocked": Diagnosis(
        (
            "the vendor blocks this network for about {minutes} minutes: too many calls came from it",
            "来自此网络的调用过多，厂商封禁约 {minutes} 分钟",
        ),
        Means.WAITS,
        (
            "Wait until then and test again. Others behind the same address are blocked too: if it comes back, give "
            "Rollcall an address of its own.",
            "等待后重新检测。同一出口的其他系统也会受影响；如反复出现，请为 Rollcall 使用独立的出口 IP。",
        ),
    ),
    "host not found": Diagnosis(
        ("there is no host of that name", "找不到该主机"),
        Means.STOPS,
        _again(
            "Correct the address in this source's settings: `source edit {handle}`. If it is right, see to this machine's "
            "DNS.",
            "修正此来源设置中的地址：`编辑来源 {handle}`。如地址无误，请检查本机的 DNS。",
        ),
    ),
    "host refuses us": Diagnosis(
        ("the host refuses the connection", "主机拒绝连接"),
        Means.STOPS,
        _again(
            "Correct the address or port in this source's settings: `source edit {handle}`, or let calls through the "
            "firewall.",
            "修正此来源设置中的地址或端口：`编辑来源 {handle}`，或在防火墙放行。",
        ),
    ),
    "certificate refused": Diagnosis(
        (
            "no safe connection: the host's TLS certificate is not valid for it, or it speaks no TLS",
            "无法建立安全连接：主机的 TLS 证书无效，或不支持 TLS",
        ),
        Means.STOPS,
        _again(
            "Use the vendor's own https address: `source edit {handle}`. If it is right, a proxy opens the traffic: "
            "except the vendor's hosts from that, and see to this machine's date.",
            "请使用厂商官方的 https 地址：`编辑来源 {handle}`。如地址无误，可能有代理解密流量：请将厂商域名加入例外，并检查本机日期。",
        ),
    ),
    "host does not answer": Diagnosis(
        ("the host does not answer", "主机没有应答"),
        Means.WAITS,
        _again(
            "See whether this machine reaches the internet; let calls to the vendor's hosts through the firewall.",
            "检查本机能否访问互联网，并在防火墙放行对厂商域名的访问。",
        ),
    ),
    "host is not the vendor": Diagnosis(
        (
            "what answers there is not this API of the vendor: another host, or a page in between",
            "应答的不是厂商的此接口：地址有误，或被中间页面拦截",
        ),
        Means.STOPS,
        _again(
            "Correct the addresses in this source's settings: `source edit {handle}`. Empty means the vendor's own.",
            "修正此来源设置中的地址：`编辑来源 {handle}`。留空则使用厂商默认地址。",
        ),
    ),
    "vendor is down": Diagnosis(
        ("the vendor has trouble itself ({problem})", "厂商服务异常（{problem}）"),
        Means.WAITS,
        (
            "Test again in some minutes; if it stays so, see the vendor's status page.",
            "几分钟后重新检测；如持续异常，请查看厂商状态页。",
        ),
    ),
    "source broke its contract": Diagnosis(
        ("the vendor's answer is not understood ({problem})", "无法理解厂商的应答（{problem}）"),
        Means.UNSURE,
        ("Please report this, with the code and the request id.", "请附错误码和请求 ID 反馈此问题。"),
    ),
    "parameters refused": Diagnosis(
        ("the vendor refuses the request", "厂商拒绝了请求"),
        Means.UNSURE,
        ("Please report this, with the code and the request id.", "请附错误码和请求 ID 反馈此问题。"),
    ),
    "clock is ahead": Diagnosis(
        ("our clock is {seconds} seconds ahead of the vendor's", "本机时钟比厂商快 {seconds} 秒"),
        Means.DRIFTS,
        _again("Set this machine's clock by NTP.", "请用 NTP 校准本机时钟。"),
    ),
    "clock is behind": Diagnosis(
        ("our clock is {seconds} seconds behind the vendor's", "本机时钟比厂商慢 {seconds} 秒"),
        Means.DRIFTS,
        _again("Set this machine's clock by NTP.", "请用 NTP 校准本机时钟。"),
    ),
    "clock is right": Diagnosis(("within {seconds} seconds", "误差 {seconds} 秒以内")),
    # what we may
    "permission missing": Diagnosis(
        ("the app lacks the permission {scopes}", "应用缺少权限 {scopes}"),
        Means.STOPS,
        _published("Add {scopes} at {page_permissions}.", "在“{page_permissions}”开通 {scopes}。"),
    ),
    "reads by name not allowed": Diagnosis(
        ("the app lacks the permission {scopes}", "应用缺少权限 {scopes}"),
        Means.MORE_CALLS,
        _published("Add {scopes} at {page_permissions}.", "在“{page_permissions}”开通 {scopes}。"),
    ),
    "details not allowed": Diagnosis(
        ("the app lacks the permission {scopes}: nobody can be looked up", "应用缺少权限 {scopes}：无法逐个查询人员"),
        Means.STOPS,
        _published("Add {scopes} at {page_permissions}.", "在“{page_permissions}”开通 {scopes}。"),
    ),
    "fields not readable": Diagnosis(
        ("the app may not read {fields}: {scopes} is missing", "应用无权读取 {fields}：缺少 {scopes}"),
        Means.KEEPS,
        _published("Add {scopes} at {page_permissions}.", "在“{page_permissions}”开通 {scopes}。"),
    ),
    "needed fields not readable": Diagnosis(
        ("the app may not read {fields}: {scopes} is missing", "应用无权读取 {fields}：缺少 {scopes}"),
        Means.NOBODY_NEW,
        _published("Add {scopes} at {page_permissions}.", "在“{page_permissions}”开通 {scopes}。"),
    ),
    "permissions unknown": Diagnosis(
        ("the vendor does not tell which permissions the app has", "厂商未告知应用拥有哪些权限"),
        Means.KEEPS,
        _again(
            "Compare {page_permissions} with `source show {handle}`.",
            "对照 `查看来源 {handle}` 检查“{page_permissions}”。",
        ),
    ),
    "range is empty": Diagnosis(
        ("the app may see nobody", "应用看不到任何人"),
        Means.STOPS,
        _published("Set {page_range} to all members.", "把“{page_range}”设为全部成员。"),
    ),
    "range is partial": Diagnosis(
        (
            "the app may see a part only: {departments} department(s) and {people} single people",
            "应用只能看到一部分：{departments} 个部门和 {people} 名单独授权的成员",
        ),
        Means.PART,
        _published(
            "If that is not meant, set {page_range} to all members.", "如非有意，请把“{page_range}”设为全部成员。"
        ),
    ),
    "everybody is in range": Diagnosis(("the whole company", "整个企业")),
    "nobody is seen": Diagnosis(
        ("no people are shown, although the range is not empty", "权限范围不为空，但没有显示任何人员"),
        Means.STOPS,
        _published(
            "See at {page_range} that departments with people are granted.", "在“{page_range}”确认已授权有成员的部门。"
        ),
    ),
    "a sample is seen": Diagnosis(
        ("looked at {departments} department(s) and {people} people", "查看了 {departments} 个部门和 {people} 名成员")
    ),
    "fields not shown": Diagnosis(
        (
            "of {count} entries nobody shows {fields}, and nothing says that it is empty",
            "{count} 个条目均未显示 {fields}，也未说明为空",
        ),
        Means.KEEPS,
        _published(
            "See at {page_permissions} that the app may read them, and in the mapping that they are named right: "
            "`mapping {handle}`.",
            "在“{page_permissions}”确认应用有权读取，并核对映射中的字段名：`映射 {handle}`。",
        ),
    ),
    "fields empty in the sample": Diagnosis(
        ("read, but empty for all {count}: {fields}", "可读取，但 {count} 个条目均为空：{fields}")
    ),
    # what is chosen
    "scope department gone": Diagnosis(
        (
            "{count} of {of} chosen departments are gone or cannot be seen: {paths}",
            "已选择的 {of} 个部门中有 {count} 个不存在或看不到：{paths}",
        ),
        Means.STOPS,
        (
            "Choose anew: `scope {handle}`. Or widen {page_range}.",
            "请重新选择：`范围 {handle}`，或扩大“{page_range}”。",
        ),
    ),
    "scope is there": Diagnosis(("{count} chosen department(s)", "已选择 {count} 个部门")),
    # how much
    "quota used up": Diagnosis(
        ("the month's quota of calls is used up", "本月调用额度已用完"),
        Means.WAITS,
        ("Wait for the next month, or enlarge it at {page_quota}.", "等待下月恢复，或在“{page_quota}”扩容。"),
    ),
    "chat quota used up": Diagnosis(
        ("the month's quota of robot and card calls is used up", "本月机器人和卡片的调用额度已用完"),
        Means.MUTE,
        ("Wait for the next month, or enlarge it at {page_quota}.", "等待下月恢复，或在“{page_quota}”扩容。"),
    ),
    "source throttles": Diagnosis(
        ("the vendor limits our calls at the moment", "厂商正在限制调用频率"),
        Means.WAITS,
        (
            "Test again in a few minutes. If it comes back, see what else uses this app, and keep away from full hours.",
            "几分钟后重新检测。如反复出现，请检查还有谁在使用此应用，并避开整点。",
        ),
    ),
    "calls were counted": Diagnosis(("{count} calls, none was limited", "共 {count} 次调用，未被限制")),
    # what is pushed to us
    "address unknown": Diagnosis(
        ("no public address is set, so the vendor has nowhere to push to", "未设置公网地址，厂商无法推送"),
        Means.LATE,
        (
            "Set ROLLCALL_PUBLIC_URL to the https address of this installation, restart, and copy the URLs of "
            "`source show {handle}` into the console.",
            "把 ROLLCALL_PUBLIC_URL 设为此系统的 https 地址并重启，再把 `查看来源 {handle}` 中的网址填入后台。",
        ),
    ),
    "address out of reach": Diagnosis(
        (
            "the public address {host} cannot be reached by a vendor ({problem})",
            "厂商无法访问公网地址 {host}（{problem}）",
        ),
        Means.LATE,
        (
            "Set ROLLCALL_PUBLIC_URL to an https address on the internet, without a path, and restart.",
            "请把 ROLLCALL_PUBLIC_URL 设为互联网可访问的 https 地址（不含路径）并重启。",
        ),
    ),
    "address is set": Diagnosis(("{host}", "{host}")),
    "callbacks have no key": Diagnosis(
        (
            "{field} is missing here, so whatever the vendor pushes is refused",
            "此处缺少 {field}，厂商推送的一切都会被拒绝",
        ),
        Means.LATE,
        _again(
            "Copy it from {page_encryption}: `source edit {handle}`.",
            "从“{page_encryption}”复制：`编辑来源 {handle}`。",
        ),
    ),
    "cards have no key": Diagnosis(
        ("a card template is set, but not {field}", "已设置卡片模板，但缺少 {field}"),
        Means.NO_BUTTONS,
        _again("Give it: `source edit {handle}`.", "请填写：`编辑来源 {handle}`。"),
    ),
    "callbacks are not signed": Diagnosis(
        ("what the vendor pushes is not signed: {field} is missing", "厂商的推送没有签名：缺少 {field}"),
        Means.NOTHING,
        (
            "Dangerous commands in chat need a code until {field} is set at {page_encryption} and here: "
            "`source edit {handle}`.",
            "在“{page_encryption}”和此处（`编辑来源 {handle}`）设置 {field} 之前，聊天中的危险操作需要验证码。",
        ),
    ),
    "pushes are refused": Diagnosis(
        (
            "what came to the URL at {at} was not proven: the keys here are not those of the console",
            "{at} 收到的推送未通过验证：此处的密钥与后台不一致",
        ),
        Means.LATE,
        (
            "Copy the keys from {page_encryption}: `source edit {handle}`, then save the URL there once more. If the last "
            "pushes were not the vendor's, there is nothing to do.",
            "从“{page_encryption}”复制密钥：`编辑来源 {handle}`，并在后台重新保存网址。如该推送并非来自厂商，可忽略。",
        ),
    ),
    "URL never checked": Diagnosis(
        (
            "the vendor has never checked the request URL nor pushed an event",
            "厂商从未校验请求网址，也未推送过事件",
        ),
        Means.LATE,
        (
            "Paste the URL of `source show {handle}` at {page_events} and save; then subscribe to the events named there.",
            "把 `查看来源 {handle}` 中的网址填入“{page_events}”并保存，再订阅其中列出的事件。",
        ),
    ),
    "no event seen": Diagnosis(
        ("the URL was checked at {at}, but no event has come yet", "网址已于 {at} 通过校验，但尚未收到事件"),
        Means.LATE,
        (
            "If anything was changed there since, see at {page_events} that the events of `source show {handle}` are "
            "subscribed, and publish a version.",
            "如其后有过变更，请在“{page_events}”确认已订阅 `查看来源 {handle}` 中的事件，并发布版本。",
        ),
    ),
    "only chat is pushed": Diagnosis(
        (
            "messages arrive (last at {at}), but no contact event has come yet",
            "能收到消息（最近 {at}），但尚未收到通讯录事件",
        ),
        Means.LATE,
        (
            "Subscribe to the contact events of `source show {handle}` at {page_events}, and publish a version.",
            "在“{page_events}”订阅 `查看来源 {handle}` 中的通讯录事件，并发布版本。",
        ),
    ),
    "last event seen": Diagnosis(("last event at {at}", "最近一次事件：{at}")),
    "presses never checked": Diagnosis(
        (
            "the vendor has never checked the URL for pressed buttons, and no press has come",
            "厂商从未校验按钮回调的网址，也未收到过点击",
        ),
        Means.NO_BUTTONS,
        (
            "Paste the URL for cards of `source show {handle}` at {page_callbacks} and save.",
            "把 `查看来源 {handle}` 中的卡片回调网址填入“{page_callbacks}”并保存。",
        ),
    ),
    # the bot
    "bot is switched off": Diagnosis(
        ("the app's bot is off", "应用的机器人未启用"),
        Means.MUTE,
        _published("Add the bot at {page_bot}.", "在“{page_bot}”添加机器人。"),
    ),
    "chat permissions missing": Diagnosis(
        ("the bot lacks {scopes}", "机器人缺少权限 {scopes}"),
        Means.MUTE,
        _published("Add {scopes} at {page_permissions}.", "在“{page_permissions}”开通 {scopes}。"),
    ),
    "robot unknown": Diagnosis(
        ("there is no robot with the code of this source", "没有此编码对应的机器人"),
        Means.MUTE,
        _again(
            "Copy the robotCode from {page_bot}: `source edit {handle}`.",
            "从“{page_bot}”复制 robotCode：`编辑来源 {handle}`。",
        ),
    ),
    "robot stopped": Diagnosis(
        ("the robot is stopped, or not published", "机器人已停用或尚未发布"),
        Means.MUTE,
        _published("Switch the robot on at {page_bot}.", "在“{page_bot}”启用机器人。"),
    ),
    "card template unknown": Diagnosis(
        ("there is no card template of that id", "没有此 ID 的卡片模板"),
        Means.NO_BUTTONS,
        _again(
            "Import our template at {page_cards}, publish it, and give its id: `source edit {handle}`.",
            "在“{page_cards}”导入我们的模板并发布，再填写其 ID：`编辑来源 {handle}`。",
        ),
    ),
    "card callback unknown": Diagnosis(
        ("presses on cards have nowhere to go: the callback is not registered", "卡片回调未注册，点击无处送达"),
        Means.NO_BUTTONS,
        _again(
            "Register it once, as docs say; its URL stands in `source show {handle}`.",
            "请按文档注册一次；网址见 `查看来源 {handle}`。",
        ),
    ),
    "cards not allowed": Diagnosis(
        ("the app lacks the permission {scopes}", "应用缺少权限 {scopes}"),
        Means.NO_BUTTONS,
        _published("Add {scopes} at {page_permissions}.", "在“{page_permissions}”开通 {scopes}。"),
    ),
    # here
    "source is disabled": Diagnosis(
        ("the source is disabled", "来源已停用"), Means.IDLE, ("`enable {handle}`.", "`启用 {handle}`。")
    ),
    "too many enabled sources": Diagnosis(
        ("{limit} sources are enabled already: {handles}", "已启用 {limit} 个来源：{handles}"),
        Means.IDLE,
        ("Disable one of them, then `enable {handle}`.", "停用其中一个，然后`启用 {handle}`。"),
    ),
    "not synced by itself": Diagnosis(
        ("the automatic sync is off", "未开启自动同步"),
        Means.IDLE,
        ("`auto on {handle}`.", "`开启自动同步 {handle}`。"),
    ),
    "synced by itself next": Diagnosis(("next at {at}", "下次：{at}")),
    "never read as a whole": Diagnosis(
        ("it was never read as a whole", "尚未完成过全量读取"),
        Means.NOTHING,
        ("`sync preview {handle}` shows what a first sync would do.", "输入 `预览同步 {handle}` 预览首次同步。"),
    ),
    "read long ago": Diagnosis(
        ("the last complete read began at {at}, long ago", "最近一次完整读取开始于 {at}，时间过久"),
        Means.IDLE,
        ("`records {handle}` shows what went wrong since.", "输入 `记录 {handle}` 查看原因。"),
    ),
    "last read as a whole": Diagnosis(("began at {at}", "开始于 {at}")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding in one language; `means` and `do` are empty where all is well.

    `came` is what came back, `ticket` the vendor's code and request id; `brief` is `came` without it.
    """

    tried: str
    brief: str
    ticket: str
    came: str
    means: str
    do: str


_CODE: Final = ("code", "错误码")
_REQUEST: Final = ("request id", "请求 ID")
_AND: Final = (", ", "，")


class _Facts(dict[str, Fact]):
    def __missing__(self, name: str) -> str:
        return "?"


def told(finding: Finding, lang: Lang, console: Mapping[str, Words], facts: Mapping[str, Fact]) -> Told:
    """Put a finding into words; `facts` are its own and what else is known here, as the handle of its source."""
    here = int(lang is Lang.ZH)
    known = _Facts({f"page_{name}": words[here] for name, words in console.items()})
    known |= {**finding.facts, **facts}
    diagnosis = DIAGNOSES.get(finding.cause) if finding.cause else WELL
    if diagnosis is None:  # an error that no check expects
        diagnosis = DIAGNOSES["parameters refused"]
    came = diagnosis.came[here].format_map(known)
    labelled = ((_CODE[here], finding.vendor_code), (_REQUEST[here], finding.request_id))
    ticket = _AND[here].join(f"{label} {value}" for label, value in labelled if value)
    api = f" ({finding.tried})" if finding.tried else ""
    return Told(
        tried=TRIED[finding.check][here] + api,
        brief=came,
        ticket=ticket,
        came=f"{came} ({ticket})" if ticket else came,
        means=diagnosis.means.value[here],
        do=" ".join(filter(None, (diagnosis.do[here].format_map(known), finding.link))),
    )
