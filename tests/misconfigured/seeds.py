"""What can be set up wrongly: how it is planted, and what the test of the source must call it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from chalicelib.core.finding import Check, Grade
from chalicelib.core.mapping import Rule
from chalicelib.core.scope import Chosen, Scope
from infra.lab import faults
from infra.lab.dingtalk import scopes as ding
from infra.lab.lark import scopes as lark
from tests.misconfigured.site import TEMPLATE, Found, Page, Site

LARK: Final = "lark"
DINGTALK: Final = "dingtalk"


def nothing(site: Site) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Seed:
    """`says` must stand in the facts or in what is to be done."""

    name: str
    vendor: str
    check: Check
    cause: str
    grade: Grade = Grade.FAILED
    says: str = ""
    plant: Callable[[Site], None] = nothing
    site: Mapping[str, Any] = field(default_factory=dict)

    def built(self) -> Site:
        site = Site(vendor=self.vendor, **self.site)
        site.settle()
        site.clock.sleep(60)
        self.plant(site)
        return site

    def is_named_by(self, found: Sequence[Found]) -> bool:
        return any(
            each["check"] == self.check
            and each["cause"] == self.cause
            and each["grade"] == self.grade
            and self.says in f"{each['facts']} {each['do']} {each['answer']} {each['link']}"
            for each in found
        )


def revoked(*permissions: str) -> Callable[[Site], None]:
    def plant(site: Site) -> None:
        for each in permissions:
            site.company.revoke(each)

    return plant


def configured(**switches: bool | int) -> Callable[[Site], None]:
    return lambda site: site.company.configure(**switches) and None


def keeping(**secrets: str) -> Callable[[Site], None]:
    return lambda site: site.keep(**secrets)


def setting(**settings: str) -> Callable[[Site], None]:
    return lambda site: site.set(**settings)


def faulty(fault: faults.Fault) -> Callable[[Site], None]:
    return lambda site: site.api.faults.add(fault) and None


def broken(host: str, why: Exception) -> Callable[[Site], None]:
    def plant(site: Site) -> None:
        site.wire.broken[host] = why

    return plant


def served_by_a_page(host: str) -> Callable[[Site], None]:
    def plant(site: Site) -> None:
        site.wire.hosts[host] = Page(site.clock)

    return plant


def skewed(**by: float) -> Callable[[Site], None]:
    def plant(site: Site) -> None:
        site.vendor_clock.by = timedelta(**by)

    return plant


def mapping(rule: Rule) -> Callable[[Site], None]:
    def plant(site: Site) -> None:
        known = site.source.mapping
        others = tuple(each for each in known.employees if each.field != rule.field)
        site.rewrite(mapping=replace(known, employees=(*others, rule)))

    return plant


def custom_closed(site: Site) -> None:
    field_id = next(iter(site.company.custom_fields))
    mapping(Rule(field="city", first_of=(f"custom_attrs.{field_id}",)))(site)
    site.company.configure(custom_fields_open=False)


def chosen(*departments: str) -> Callable[[Site], None]:
    picked = tuple(Chosen(external_id=each, path=each) for each in departments)
    return lambda site: site.rewrite(scope=Scope(departments=picked))


def scheduled_off(site: Site) -> None:
    site.rewrite(schedule=replace(site.source.schedule, automatic=False))


def narrowed(site: Site) -> None:
    site.company.set_range([site.company.some_leaf_department()])


def emptied(site: Site) -> None:
    site.company.set_range([])


def people_gone(site: Site) -> None:
    """Only a department without people is granted."""
    place = site.company.add_department("空部门")
    site.company.set_range([place])


def resaved_with_other_keys(site: Site) -> None:
    site.subscribe_wrongly("x" * 43, "othertoken")


def robot_quota(site: Site) -> None:
    body = b'{"code":"Forbidden.AccessDenied.ApiCountLimitForOrg","message":"no","requestid":"r1"}'
    site.api.faults.add(faults.replace(status=403, body=body, endpoint="robot.oto"))


def lark_refusal(code: int, endpoint: str = "*", status: int = 400) -> faults.Fault:
    body = b'{"code":%d,"msg":"no","error":{"log_id":"log-1"}}' % code
    return faults.replace(status=status, body=body, endpoint=endpoint)


CERTIFICATE: Final = ssl.SSLCertVerificationError("self-signed certificate")
NO_HOST: Final = socket.gaierror(-2, "Name or service not known")
WARNING: Final = Grade.WARNING


def _lark() -> list[Seed]:
    def seed(name: str, check: Check, cause: str, grade: Grade = Grade.FAILED, **more: Any) -> Seed:
        return Seed(name=f"lark: {name}", vendor=LARK, check=check, cause=cause, grade=grade, **more)

    hidden, needed = "fields not readable", "needed fields not readable"
    return [
        seed("wrong secret", Check.CREDENTIALS, "credentials refused", plant=keeping(app_secret="wrong")),
        seed(
            "secret reset in the console",
            Check.CREDENTIALS,
            "credentials refused",
            plant=lambda site: setattr(site.company, "app_secret", "another-secret-in-the-console"),
        ),
        seed(
            "secrets lost",
            Check.CREDENTIALS,
            "secrets are missing",
            plant=lambda site: site.kept.drop(site.source.uid),
        ),
        seed("unknown app", Check.CREDENTIALS, "unknown app", plant=setting(app_id="cli_0123456789abcdef")),
        seed(
            "the other cloud's address",
            Check.CREDENTIALS,
            "wrong region",
            says="https://open.larksuite.com",
            site={"cloud": "lark"},
            plant=setting(base_url="https://open.feishu.cn"),
        ),
        seed(
            "the other cloud's address, the other way round",
            Check.CREDENTIALS,
            "wrong region",
            says="https://open.feishu.cn",
            plant=setting(base_url="https://open.larksuite.com"),
        ),
        seed("app switched off", Check.CREDENTIALS, "unknown app", says="switched on", plant=configured(enabled=False)),
        seed("no version published", Check.CREDENTIALS, "app not available", plant=configured(installed=False)),
        seed("IP allow-list", Check.NETWORK, "address not allowed", plant=configured(ip_allowed=False)),
        seed("month used up", Check.QUOTA, "quota used up", plant=configured(month_used_up=True)),
        seed("throttled", Check.QUOTA, "source throttles", plant=faulty(faults.throttle(wait_s=60))),
        seed("vendor down", Check.NETWORK, "vendor is down", plant=faulty(faults.server_error(status=503))),
        seed(
            "host misspelt",
            Check.NETWORK,
            "host not found",
            plant=lambda site: (
                site.set(base_url="https://open.feishu.example"),
                broken("open.feishu.example", NO_HOST)(site),
            )[1],
        ),
        seed("certificate", Check.NETWORK, "certificate refused", plant=broken("open.feishu.cn", CERTIFICATE)),
        seed("firewall", Check.NETWORK, "host refuses us", plant=broken("open.feishu.cn", ConnectionRefusedError())),
        seed("nobody answers", Check.NETWORK, "host does not answer", plant=faulty(faults.connect_timeout())),
        seed(
            "a web page instead of the API",
            Check.NETWORK,
            "host is not the vendor",
            plant=lambda site: (
                served_by_a_page("www.feishu.cn")(site),
                site.set(base_url="https://www.feishu.cn"),
            )[1],
        ),
        seed("our clock is behind", Check.CLOCK, "clock is behind", WARNING, says="600", plant=skewed(minutes=10)),
        seed("our clock is ahead", Check.CLOCK, "clock is ahead", WARNING, says="7200", plant=skewed(hours=-2)),
        seed("name", Check.PERMISSIONS, needed, says=lark.USER_BASE, plant=revoked(lark.USER_BASE)),
        seed("state", Check.PERMISSIONS, needed, says=lark.EMPLOYEE, plant=revoked(lark.EMPLOYEE)),
        seed(
            "department names",
            Check.PERMISSIONS,
            needed,
            says=lark.DEPARTMENT_BASE,
            plant=revoked(lark.DEPARTMENT_BASE),
        ),
        seed("mobile", Check.PERMISSIONS, hidden, WARNING, says=lark.PHONE, plant=revoked(lark.PHONE)),
        seed("e-mail", Check.PERMISSIONS, hidden, WARNING, says=lark.EMAIL, plant=revoked(lark.EMAIL)),
        seed(
            "departments",
            Check.PERMISSIONS,
            hidden,
            WARNING,
            says="department_ids",
            plant=revoked(lark.USER_DEPARTMENT),
        ),
        seed("organisation", Check.PERMISSIONS, hidden, WARNING, says=lark.ORGANIZE, plant=revoked(lark.ORGANIZE)),
        seed(
            "user_id, where it is mapped",
            Check.PERMISSIONS,
            hidden,
            WARNING,
            says=lark.USER_ID,
            plant=lambda site: (
                mapping(Rule(field="employee_no", first_of=("user_id",)))(site),
                revoked(lark.USER_ID)(site),
            )[1],
        ),
        seed(
            "basic contact permission",
            Check.PERMISSIONS,
            "reads by name not allowed",
            WARNING,
            says=lark.BASE,
            plant=revoked(lark.BASE),
        ),
        seed(
            "no contact permission at all",
            Check.RANGE,
            "permission missing",
            says="contact:contact",
            plant=revoked(lark.BASE, lark.ORGANIZE),
        ),
        seed("range empty", Check.RANGE, "range is empty", plant=emptied),
        seed("range partial", Check.RANGE, "range is partial", WARNING, says="1 department(s)", plant=narrowed),
        seed("range without people", Check.SAMPLE, "nobody is seen", WARNING, plant=people_gone),
        seed(
            "custom field not open", Check.FIELDS, "fields not shown", WARNING, says="custom_attrs", plant=custom_closed
        ),
        seed("bot off", Check.CHAT, "bot is switched off", WARNING, plant=configured(bot_on=False)),
        seed(
            "bot may not speak",
            Check.CHAT,
            "chat permissions missing",
            WARNING,
            says="im:message:send_as_bot",
            plant=revoked("im:message:send_as_bot"),
        ),
        seed(
            "bot does not hear",
            Check.CHAT,
            "chat permissions missing",
            WARNING,
            says="im:message.p2p_msg:readonly",
            plant=revoked("im:message.p2p_msg:readonly"),
        ),
        seed(
            "no verification token",
            Check.CALLBACK,
            "callbacks have no key",
            WARNING,
            says="verification-token",
            plant=keeping(verification_token="", encrypt_key=""),
        ),
        seed(
            "no encrypt key",
            Check.CALLBACK,
            "callbacks are not signed",
            WARNING,
            says="encrypt-key",
            plant=keeping(encrypt_key=""),
        ),
        seed("other keys in the console", Check.CALLBACK, "pushes are refused", WARNING, plant=resaved_with_other_keys),
        seed("URL never saved", Check.EVENTS, "URL never checked", WARNING, site={"subscribed": False}),
        seed(
            "no events subscribed",
            Check.EVENTS,
            "no event seen",
            WARNING,
            site={"subscribed": False},
            plant=lambda site: site.subscribe(),
        ),
        seed("no callback for cards", Check.CARDS, "presses never checked", WARNING, site={"cards_checked": False}),
        seed(
            "chosen department gone",
            Check.SCOPE,
            "scope department gone",
            says="od-nowhere",
            plant=chosen("od-nowhere"),
        ),
        seed("automatic sync off", Check.SCHEDULE, "not synced by itself", WARNING, plant=scheduled_off),
        seed(
            "not read for days",
            Check.READ,
            "read long ago",
            WARNING,
            plant=lambda site: site.clock.sleep(4 * 86_400),
        ),
        seed("no public address", Check.ADDRESS, "address unknown", WARNING, site={"public_url": ""}),
        seed(
            "public address at home",
            Check.ADDRESS,
            "address out of reach",
            WARNING,
            says="not on the internet",
            site={"public_url": "https://192.168.1.5"},
        ),
        seed(
            "public address without TLS",
            Check.ADDRESS,
            "address out of reach",
            WARNING,
            says="not https",
            site={"public_url": "http://rollcall.example.com"},
        ),
    ]


def _dingtalk() -> list[Seed]:
    def seed(name: str, check: Check, cause: str, grade: Grade = Grade.FAILED, **more: Any) -> Seed:
        return Seed(name=f"dingtalk: {name}", vendor=DINGTALK, check=check, cause=cause, grade=grade, **more)

    return [
        seed("wrong secret", Check.CREDENTIALS, "credentials refused", plant=keeping(app_secret="wrong")),
        seed("wrong key", Check.CREDENTIALS, "credentials refused", plant=setting(app_key="dingwrong0000")),
        seed("another company", Check.CREDENTIALS, "company refused", plant=setting(corp_id="dingother0000")),
        seed("third-party app", Check.CREDENTIALS, "third-party app", plant=setting(app_key="suiteabcdefgh")),
        seed(
            "IP allow-list",
            Check.NETWORK,
            "this address not allowed",
            says="192.0.2.10",
            plant=configured(ip_allowed=False),
        ),
        seed("network blocked", Check.NETWORK, "network is blocked", plant=faulty(faults.throttle(kind="ip"))),
        seed("throttled", Check.QUOTA, "source throttles", plant=faulty(faults.throttle(kind="platform", wait_s=60))),
        seed("month used up", Check.QUOTA, "quota used up", plant=configured(month_used_up=True)),
        seed("month of the robot used up", Check.QUOTA, "chat quota used up", WARNING, plant=robot_quota),
        seed("vendor down", Check.NETWORK, "vendor is down", plant=faulty(faults.server_error(status=502))),
        seed(
            "hosts mixed up",
            Check.NETWORK,
            "host is not the vendor",
            plant=setting(api_url="https://oapi.dingtalk.com"),
        ),
        seed(
            "hosts mixed up, the other way round",
            Check.NETWORK,
            "host is not the vendor",
            plant=setting(oapi_url="https://api.dingtalk.com"),
        ),
        seed("host gone", Check.NETWORK, "host not found", plant=broken("api.dingtalk.com", NO_HOST)),
        seed("certificate", Check.NETWORK, "certificate refused", plant=broken("oapi.dingtalk.com", CERTIFICATE)),
        seed("our clock is behind", Check.CLOCK, "clock is behind", WARNING, plant=skewed(minutes=5)),
        seed("basic permission", Check.RANGE, "permission missing", says=ding.BASE, plant=revoked(ding.BASE)),
        seed(
            "departments",
            Check.SAMPLE,
            "permission missing",
            says=ding.DEPARTMENT_LIST,
            plant=revoked(ding.DEPARTMENT_LIST),
        ),
        seed(
            "members",
            Check.SAMPLE,
            "permission missing",
            says=ding.DEPARTMENT_MEMBER,
            plant=revoked(ding.DEPARTMENT_MEMBER),
        ),
        seed("member details", Check.SAMPLE, "details not allowed", says=ding.MEMBER, plant=revoked(ding.MEMBER)),
        seed(
            "mobile",
            Check.PERMISSIONS,
            "fields not readable",
            WARNING,
            says="fieldMobile",
            plant=revoked(ding.MOBILE_FIELD),
        ),
        seed(
            "e-mail",
            Check.PERMISSIONS,
            "fields not readable",
            WARNING,
            says="fieldEmail",
            plant=revoked(ding.EMAIL_FIELDS),
        ),
        seed("range empty", Check.RANGE, "range is empty", plant=emptied),
        seed("range partial", Check.RANGE, "range is partial", WARNING, plant=narrowed),
        seed("range without people", Check.SAMPLE, "nobody is seen", WARNING, plant=people_gone),
        seed(
            "custom field misspelt",
            Check.FIELDS,
            "fields not shown",
            WARNING,
            says="extension.工位号",
            plant=mapping(Rule(field="work_place", first_of=("extension.工位号",))),
        ),
        seed(
            "robot may not speak",
            Check.CHAT,
            "chat permissions missing",
            WARNING,
            says=ding.SEND,
            plant=revoked(ding.SEND),
        ),
        seed("robot code wrong", Check.CHAT, "robot unknown", WARNING, plant=setting(robot_code="dingother")),
        seed("robot stopped", Check.CHAT, "robot stopped", WARNING, plant=configured(robot_on=False)),
        seed(
            "cards not allowed", Check.CARDS, "cards not allowed", WARNING, says=ding.CARDS, plant=revoked(ding.CARDS)
        ),
        seed(
            "card template gone",
            Check.CARDS,
            "card template unknown",
            WARNING,
            plant=lambda site: site.company.templates.pop(TEMPLATE) and None,
        ),
        seed(
            "card callback not registered",
            Check.CARDS,
            "card callback unknown",
            WARNING,
            plant=lambda site: site.company.routes.clear(),
        ),
        seed("no key for cards", Check.CARDS, "cards have no key", WARNING, plant=keeping(card_api_secret="")),
        seed("no aes_key", Check.CALLBACK, "callbacks have no key", WARNING, says="aes-key", plant=keeping(aes_key="")),
        seed("no token", Check.CALLBACK, "callbacks have no key", WARNING, says="token", plant=keeping(token="")),
        seed("other keys in the console", Check.CALLBACK, "pushes are refused", WARNING, plant=resaved_with_other_keys),
        seed("URL never saved", Check.EVENTS, "URL never checked", WARNING, site={"subscribed": False}),
        seed(
            "no events subscribed",
            Check.EVENTS,
            "no event seen",
            WARNING,
            site={"subscribed": False},
            plant=lambda site: site.subscribe(),
        ),
        seed(
            "chosen department gone", Check.SCOPE, "scope department gone", says="987654321", plant=chosen("987654321")
        ),
        seed("disabled", Check.SCHEDULE, "source is disabled", WARNING, plant=lambda site: site.rewrite(enabled=False)),
    ]


SEEDS: Final = (*_lark(), *_dingtalk())
