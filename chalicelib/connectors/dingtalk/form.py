"""What a DingTalk source must be told, and the mapping it starts with."""

from __future__ import annotations

from typing import Final

from chalicelib.connectors.dingtalk.fields import VOCABULARY
from chalicelib.core.budget import Tariff
from chalicelib.core.mapping import ExtendedField, FieldMapping, Rule
from chalicelib.core.model import FieldType
from chalicelib.core.source import Form, FormField, Paste

OAPI: Final = "https://oapi.dingtalk.com"
API: Final = "https://api.dingtalk.com"
LOGIN: Final = "https://login.dingtalk.com"
DAILY_DETAILS: Final = 1000

_URL: Final = r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/?"

MAPPING: Final = FieldMapping(
    departments=(
        Rule(field="name", first_of=("name",)),
        Rule(field="parent", first_of=("parent_id",)),
        Rule(field="leaders", first_of=("leaders",)),
        # Shown by a department's own page only, never by lists; so it is known for few.
        Rule(field="order", first_of=("order",)),
        Rule(field="state", first_of=("state",)),
    ),
    employees=(
        Rule(field="name", first_of=("name",)),
        # `org_email` is the company's mailbox, if it has DingTalk's; `email` is what somebody typed in.
        Rule(field="email", first_of=("org_email", "email")),
        Rule(field="mobile", first_of=("mobile",)),
        Rule(field="employee_no", first_of=("job_number",)),
        Rule(field="title", first_of=("title",)),
        Rule(field="departments", first_of=("dept_id_list",)),
        Rule(field="manager", first_of=("manager_userid",)),
        Rule(field="state", first_of=("state",)),
        Rule(field="work_place", first_of=("work_place",)),
        Rule(field="roles", first_of=("role_list",)),
        Rule(field="login_id", first_of=("login_id",)),
    ),
    extended=(
        ExtendedField(name="work_place", type=FieldType.TEXT, label="Work place"),
        ExtendedField(name="roles", type=FieldType.TEXT, label="Roles"),
        ExtendedField(name="login_id", type=FieldType.TEXT, label="Login name"),
    ),
)


def _host(name: str, label: tuple[str, str], default: str) -> FormField:
    return FormField(
        name=name,
        label=label,
        default=default,
        pattern=_URL,
        help=(f"{default}, but for the international site and private deployments", f"{default}；国际版和私有部署除外"),
    )


FORM: Final = Form(
    kind="dingtalk",
    label=("DingTalk", "钉钉"),
    fields=(
        FormField(
            name="corp_id",
            label=("CorpId", "CorpId"),
            required=True,
            pattern=r"ding[A-Za-z0-9]{4,64}",
            help=(
                "the company's id: it begins with ding; see the front page of the developer console",
                "企业 ID，以 ding 开头，见开发者后台首页",
            ),
        ),
        FormField(
            name="app_key",
            label=("Client ID (AppKey)", "Client ID（AppKey）"),
            required=True,
            pattern=r"[A-Za-z0-9]{8,64}",
            help=(
                "see Credentials & Basic Info of the app in the developer console",
                "见开发者后台应用的“凭证与基础信息”",
            ),
        ),
        FormField(
            name="app_secret",
            label=("Client Secret (AppSecret)", "Client Secret（AppSecret）"),
            secret=True,
            required=True,
            help=("beside the Client ID in the developer console", "见开发者后台 Client ID 旁"),
        ),
        _host("oapi_url", ("Old API", "旧版服务端地址"), OAPI),
        _host("api_url", ("New API", "新版服务端地址"), API),
        _host("login_url", ("Login page", "登录页地址"), LOGIN),
        FormField(
            name="type",
            label=("Edition", "版本"),
            default="standard",
            pattern="standard|dedicated",
            help=(
                "standard, or dedicated for a tenant with enterprise accounts; accounts are read the same either way",
                "standard（标准版）或 dedicated（专属版）；两者读取账号的方式相同",
            ),
        ),
        FormField(
            name="daily_details",
            label=("People to read singly a day", "每日逐人读取上限"),
            default=str(DAILY_DETAILS),
            pattern="[0-9]{1,6}",
            help=(
                "a number; managers and roles take one call a person, 0 reads neither",
                "数字；上级和角色需逐人读取，0 表示不读取",
            ),
        ),
        FormField(
            name="aes_key",
            label=("aes_key", "aes_key"),
            secret=True,
            callback=True,
            help=("for events; see Event Subscription, HTTP push", "用于事件，见“事件订阅”的 HTTP 推送"),
        ),
        FormField(
            name="token",
            label=("token", "token"),
            secret=True,
            callback=True,
            help=("for events; see Event Subscription, HTTP push", "用于事件，见“事件订阅”的 HTTP 推送"),
        ),
        FormField(
            name="robot_code",
            label=("robotCode", "机器人编码（robotCode）"),
            pattern=r"[A-Za-z0-9_-]{4,128}",
            help=(
                "for chat; see Robot in the developer console; the Client ID where nothing is given",
                "用于聊天，见开发者后台应用的“机器人”；不填则与 Client ID 相同",
            ),
        ),
        FormField(
            name="card_template",
            label=("Card template", "卡片模板 ID"),
            pattern=r"[A-Za-z0-9-]{8,80}(\.schema)?",
            help=(
                "for buttons in chat: the id that the card builder gave to our template; see docs/dingtalk-card.md",
                "用于聊天中的按钮：导入我们的模板后卡片平台给出的模板 ID，见 docs/dingtalk-card.md",
            ),
        ),
        FormField(
            name="card_api_secret",
            label=("apiSecret of the card callback", "卡片回调的 apiSecret"),
            secret=True,
            callback=True,
            help=(
                "for buttons in chat: what the callback was registered with; see docs/dingtalk-card.md",
                "用于聊天中的按钮：注册卡片回调时的 apiSecret，见 docs/dingtalk-card.md",
            ),
        ),
    ),
    mapping=MAPPING,
    vocabulary=VOCABULARY,
    doors=(
        ("events", ("Event Subscription, HTTP push: request URL", "事件订阅，HTTP 推送：请求网址")),
        ("chat", ("Robot, HTTP mode: message URL", "机器人，HTTP 模式：消息接收地址")),
        ("cards", ("Interactive cards: callbackUrl", "互动卡片：回调地址（callbackUrl）")),
    ),
    pastes=(
        (Paste.REDIRECT, ("Login and Sharing: redirect URL", "登录与分享：回调域名（重定向 URL）")),
        (Paste.HOMEPAGE, ("Web App: application homepage", "网页应用：应用首页地址")),
        (Paste.DOMAIN, ("Web App: server domain", "网页应用：可信域名")),
        (Paste.EGRESS, ("Security Settings: server egress IP", "安全设置：服务器出口 IP")),
    ),
    permissions=(
        "qyapi_get_department_list",
        "qyapi_get_department_member",
        "qyapi_get_member",
        "fieldMobile",
        "fieldEmail",
        "qyapi_robot_sendmsg",
        "Card.Instance.Write",
    ),
    zone="Asia/Shanghai",
    checked=("events",),
    console={
        "credentials": ("Credentials & Basic Info", "凭证与基础信息"),
        "company": ("the front page of the developer console", "开发者后台首页"),
        "permissions": ("Permission Management", "权限管理"),
        "range": ("Permission Management > Contacts range", "权限管理 > 通讯录接口权限范围"),
        "versions": ("Version Management & Release", "版本管理与发布"),
        "events": ("Event Subscription", "事件订阅"),
        "encryption": ("Event Subscription > HTTP push", "事件订阅 > HTTP 推送"),
        "bot": ("Robot", "机器人"),
        "cards": ("Card Platform", "卡片平台"),
        "security": ("Security Settings > server egress IP", "安全设置 > 服务器出口 IP"),
        "admin": ("Admin Console > Workplace", "管理后台 > 工作台"),
        "quota": ("developer console > API calls", "开发者后台 > 调用量与资源包"),
    },
    # The standard edition since November 2025; what else there is, see "API quota" of the developer console. Answers by
    # the address that a message brings along count against another quota, of what is pushed.
    tariff=Tariff(
        calls=5_000,
        counted=("robot.one", "robot.group", "cards."),
        note=(
            "the robot's messages and cards; reading contacts costs nothing. The developer console shows the figures "
            "under Resource management",
            "仅机器人消息和卡片计量，读取通讯录不计；额度和用量见开发者后台的“资源管理”",
        ),
    ),
    events=(
        "user_add_org",
        "user_modify_org",
        "user_leave_org",
        "user_active_org",
        "org_dept_create",
        "org_dept_modify",
        "org_dept_remove",
    ),
)
