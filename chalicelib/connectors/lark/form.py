"""What a Lark source must be told, and the mapping it starts with."""

from __future__ import annotations

from typing import Final

from chalicelib.core.mapping import ExtendedField, FieldMapping, Rule
from chalicelib.core.model import FieldType
from chalicelib.core.source import Form, FormField

FEISHU: Final = "https://open.feishu.cn"

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
            help=(
                "for events and chat; see Events & Callbacks > Encryption Strategy",
                "用于事件和聊天，见“事件与回调”的加密策略",
            ),
        ),
    ),
    mapping=MAPPING,
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
