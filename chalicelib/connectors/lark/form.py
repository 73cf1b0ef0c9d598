"""What a Lark source must be told, and the mapping it starts with."""

from __future__ import annotations

from typing import Final

from chalicelib.connectors.lark.fields import VOCABULARY
from chalicelib.core.budget import Tariff
from chalicelib.core.mapping import ExtendedField, FieldMapping, Rule
from chalicelib.core.model import FieldType
from chalicelib.core.source import Form, FormField, Paste

FEISHU: Final = "https://open.feishu.cn"
INTERNATIONAL: Final = "https://open.larksuite.com"

MAPPING: Final = FieldMapping(
    departments=(
        Rule(field="name", first_of=("name",)),
        Rule(field="en_name", first_of=("i18n_name.en_us",)),
        Rule(field="parent", first_of=("parent_department_id",)),
        Rule(field="leaders", first_of=("leaders",)),
        Rule(field="order", first_of=("order",)),
        Rule(field="state", first_of=("state",)),
    ),
    employees=(
        Rule(field="name", first_of=("name",)),
        Rule(field="en_name", first_of=("en_name",)),
        # `email` is what somebody typed in, often empty, and needs a permission of its own; `enterprise_email` is
        # the company's mailbox. Without the permission for `email` the rule is silent where the mailbox is empty.
        Rule(field="email", first_of=("enterprise_email", "email")),
        Rule(field="mobile", first_of=("mobile",)),
        Rule(field="employee_no", first_of=("employee_no",)),
        Rule(field="title", first_of=("job_title",)),
        Rule(field="departments", first_of=("department_ids",)),
        Rule(field="manager", first_of=("leader_user_id",)),
        Rule(field="state", first_of=("state",)),
        Rule(field="city", first_of=("city",)),
        Rule(field="employee_type", first_of=("employee_type",)),
    ),
    extended=(
        ExtendedField(name="city", type=FieldType.TEXT, label="City"),
        ExtendedField(name="employee_type", type=FieldType.INTEGER, label="Employee type"),
    ),
)

FORM: Final = Form(
    kind="lark",
    label=("Lark", "飞书"),
    fields=(
        FormField(
            name="app_id",
            label=("App ID", "App ID"),
            required=True,
            pattern=r"cli_[A-Za-z0-9]{4,60}",
            help=(
                "it begins with cli_; see Credentials & Basic Info in the developer console",
                "以 cli_ 开头，见开发者后台的“凭证与基础信息”",
            ),
        ),
        FormField(
            name="app_secret",
            label=("App Secret", "App Secret"),
            secret=True,
            required=True,
            help=("beside the App ID in the developer console", "见开发者后台 App ID 旁"),
        ),
        FormField(
            name="base_url",
            label=("Base URL", "服务地址"),
            default=FEISHU,
            pattern=r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/?",
            help=(
                f"{FEISHU}, or https://open.larksuite.com for Lark outside China",
                f"{FEISHU}；国际版为 https://open.larksuite.com",
            ),
        ),
        FormField(
            name="encrypt_key",
            label=("Encrypt Key", "Encrypt Key"),
            secret=True,
            callback=True,
            help=(
                "for events and chat; see Events & Callbacks > Encryption Strategy. Without it dangerous commands "
                "in chat need a code",
                "用于事件和聊天，见“事件与回调”的加密策略；未设置时，聊天中的危险操作需要验证码",
            ),
        ),
        FormField(
            name="verification_token",
            label=("Verification Token", "Verification Token"),
            secret=True,
            callback=True,
            help=(
                "for events and chat; see Events & Callbacks > Encryption Strategy",
                "用于事件和聊天，见“事件与回调”的加密策略",
            ),
        ),
    ),
    mapping=MAPPING,
    vocabulary=VOCABULARY,
    doors=(
        ("events", ("Events & Callbacks, Event configuration: request URL", "事件与回调，事件配置：请求地址")),
        (
            "cards",
            (
                "Events & Callbacks, Callback configuration: request URL; add the callback card.action.trigger",
                "事件与回调，回调配置：请求地址；并添加回调 card.action.trigger（卡片回传交互）",
            ),
        ),
    ),
    pastes=(
        (Paste.REDIRECT, ("Security Settings: redirect URL", "安全设置：重定向 URL")),
        (Paste.HOMEPAGE, ("Web App: desktop and mobile homepage", "网页应用：桌面端和移动端主页")),
        (Paste.DOMAIN, ("Web App: trusted domain", "安全设置：可信域名")),
        (Paste.EGRESS, ("Security Settings: IP allowlist", "安全设置：IP 白名单")),
    ),
    permissions=(
        "contact:contact.base:readonly",
        "contact:department.base:readonly",
        "contact:department.organize:readonly",
        "contact:user.base:readonly",
        "contact:user.department:readonly",
        "contact:user.employee:readonly",
        "contact:user.employee_id:readonly",
        "contact:user.email:readonly",
        "contact:user.phone:readonly",
        "im:message:send_as_bot",
        "im:message.p2p_msg:readonly",
        "im:message.group_at_msg:readonly",
    ),
    zone="Asia/Shanghai",
    checked=("events", "cards"),
    console={
        "credentials": ("Credentials & Basic Info", "凭证与基础信息"),
        "permissions": ("Permissions & Scopes", "权限管理"),
        "range": ("Permissions & Scopes > Data permissions > Contacts", "权限管理 > 数据权限 > 通讯录权限范围"),
        "versions": ("Version Management & Release", "版本管理与发布"),
        "events": ("Events & Callbacks > Event Configuration", "事件与回调 > 事件配置"),
        "callbacks": ("Events & Callbacks > Callback Configuration", "事件与回调 > 回调配置"),
        "encryption": ("Events & Callbacks > Encryption Strategy", "事件与回调 > 加密策略"),
        "bot": ("Add Features > Bot", "添加应用能力 > 机器人"),
        "security": ("Security Settings > IP allowlist", "安全设置 > IP 白名单"),
        "admin": ("Admin Console > Workplace > App Management", "管理后台 > 工作台 > 应用管理"),
        "quota": ("Admin Console > Billing", "管理后台 > 费用中心"),
    },
    # Only the Basic plan has a limit, of all of a company's own apps together, and it was changed time and again.
    # Source: "Custom app API call limit", which also names calls that are free; here all are counted, so the figure is
    # on the safe side.
    tariff=Tariff(
        note=(
            "all calls; only the Basic plan limits them, for all apps of the company together. The Admin Console shows "
            "the figures under Billing",
            "全部调用；仅基础版有额度，由企业全部自建应用共用；额度和用量见管理后台的“费用中心”",
        ),
    ),
    events=(
        "contact.user.created_v3",
        "contact.user.updated_v3",
        "contact.user.deleted_v3",
        "contact.department.created_v3",
        "contact.department.updated_v3",
        "contact.department.deleted_v3",
        "contact.scope.updated_v3",
        "im.message.receive_v1",
        "application.bot.menu_v6",
        "im.chat.access_event.bot_p2p_chat_entered_v1",
    ),
)
