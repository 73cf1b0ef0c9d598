"""The vendor's refusals, worded as it words them.

Source: DingTalk "global error codes" of both API generations; texts in Chinese are from real answers where known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal, TypeAlias

# How the vendor can say "later": this app calls this API too often, everybody does, the month is used up, this app in
# a minute, the caller's address (an HTML page or bare JSON), and simply busy.
Later: TypeAlias = Literal["app", "platform", "month", "minute", "ip", "ip_json", "busy"]

CHINA = timezone(timedelta(hours=8))
_OVER = "次数过多，超出了该接口承受的最大qps，请求被暂时限制了"
# Each with its old code, its new one, and the start of its text; only the platform's is from a real answer.
_LIMITS = {
    "app": (90018, "QpsLimitForAppkeyAndApi", f"您的应用调用当前接口{_OVER}"),
    "platform": (90002, "QpsLimitForApi", f"当前所有钉钉应用调用该接口{_OVER}，建议错开整点时刻调用该接口"),
    "minute": (90006, "QpmLimitForAppkeyAndApi", "您的应用每分钟调用当前接口次数过多，请求被暂时限制了"),
}
_DENIED = "Forbidden.AccessDenied."


@dataclass
class RefusedError(Exception):
    """An answer that says no; the host decides which half of it is told.

    `code` is for the old host: an errcode, or with `gateway` the sub_code of an errcode 88. `api_code` and `status` are
    for the new host; `scopes` are the permissions that are missing.
    """

    code: int
    msg: str
    api_code: str = "parameter.error"
    status: int = 400
    gateway: bool = False
    scopes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code} {self.api_code} {self.msg}"


def token_blank() -> RefusedError:
    return RefusedError(
        40000, "access_token is blank", "AuthenticationFailed.MissingParameter", status=400, gateway=True
    )


def token_dead(code: int) -> RefusedError:
    msg = "access_token已过期" if code == 42001 else "不合法的access_token"
    return RefusedError(code, msg, "InvalidAuthentication", status=400, gateway=code != 40001)


def keys_wrong() -> RefusedError:
    return RefusedError(40096, "不合法的appKey或appSecret", "invalidClientIdOrSecret", status=400)


def scope_missing(accepted: Iterable[str], app_key: str, *, named: bool) -> RefusedError:
    names = tuple(sorted(accepted))
    code, msg = f"{_DENIED}AccessTokenPermissionDenied", "应用尚未开通所需的权限"
    if not named:
        return RefusedError(60011, msg, code, status=403, gateway=True)
    listed = ",".join(names)
    link = f"https://open-dev.dingtalk.com/appscope/apply?content={app_key}%23{listed}"
    msg = f"{msg}：[{listed}]，点击链接申请并开通即可：{link}, {{requiredScopes=[{listed}]}}"
    return RefusedError(60011, msg, code, status=403, gateway=True, scopes=names)


def ip_refused(app_key: str) -> RefusedError:
    msg = f"访问ip不在白名单之中,request ip=192.0.2.10 appKey({app_key})"
    return RefusedError(60020, msg, f"{_DENIED}IpNotInWhiteList", status=403, gateway=True)


def too_often(
    kind: Later, *, path: str, app_key: str, count: int, starts: datetime, ends: datetime, fine: bool
) -> RefusedError:
    """Word a limit with its window; `fine` tells fractions of a second, as only a scaled lab needs."""
    code, api_code, text = _LIMITS[kind]
    whose = "" if kind == "platform" else f" appKey({app_key}),"
    first, last, over = (
        _china_time(moment, fine) for moment in (starts, max(starts, ends - timedelta(seconds=1)), ends)
    )
    msg = f"{text},{whose} apiPath({path}), 从 {first} 到 {last} 请求总次数超过 {count} 次, 限制将在 {over} 结束."
    return RefusedError(code, msg, f"{_DENIED}{api_code}", status=403, gateway=True)


def month_used_up() -> RefusedError:
    msg = "企业本月开放平台接口调用量已达上限"
    return RefusedError(90020, msg, f"{_DENIED}ApiCountLimitForOrg", status=403, gateway=True)


def busy() -> RefusedError:
    return RefusedError(-1, "系统繁忙", "system.busy", status=500)


def missing(name: str) -> RefusedError:
    return RefusedError(40035, f"不合法的参数: {name} is required", "parameter.error")


def bad_argument(name: str) -> RefusedError:
    return RefusedError(400002, f"参数错误: {name}", f"invalidParameter.{name}")


def department_id_bad() -> RefusedError:
    return RefusedError(40009, "不合法的部门id")


def offset_bad() -> RefusedError:
    return RefusedError(40068, "不合法的偏移量")


def page_size_bad(code: int) -> RefusedError:
    return RefusedError(code, "不合法的分页大小")


def department_gone() -> RefusedError:
    return RefusedError(60003, "部门不存在")


def department_out_of_range() -> RefusedError:
    return RefusedError(50004, "请求的部门id不在授权范围内")


def user_gone(code: int = 60121) -> RefusedError:
    return RefusedError(code, "找不到该用户", "invalidParameter.user.notFound", status=404)


def user_out_of_range() -> RefusedError:
    return RefusedError(50002, "请求的员工userid不在授权范围内")


def wrong_method(wanted: str) -> RefusedError:
    return RefusedError(43001 if wanted == "GET" else 43002, f"需要{wanted}请求")


def _china_time(moment: datetime, fine: bool) -> str:
    local = moment.astimezone(CHINA)
    return local.strftime("%Y-%m-%d %H:%M:%S") + (f".{local.microsecond // 1000:03d}" if fine else "")
