"""The link, its code and the one browser that gets the page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.page import LINK_LIFE, MOST_LINKS, MOST_TRIES, PAGE_LIFE, Step, Visit
from chalicelib.core.principal import Role
from chalicelib.store.pages import TablePages
from tests.bot.chat import a_chat
from tests.bot.talk import words
from tests.pages.visitor import ADDRESS, Browser, a_house, a_visitor, another
from tests.scripted import House


def test_a_chat_gets_a_link_and_the_asker_alone_its_code() -> None:
    visitor = a_visitor()
    assert re.fullmatch(rf"{ADDRESS}/pages/[A-Za-z0-9_-]+\.[0-9]+\.[A-Za-z0-9_-]+", visitor.url)
    assert visitor.chat.last().verb == "source create"
    assert visitor.chat.last().outcome == "link handed out"


def test_opening_a_link_consumes_nothing() -> None:
    visitor = a_visitor()
    before = visitor.visit
    for _ in range(5):
        page = another(visitor).get()
        assert page.status == 200
        assert "Type your code" in page.body
    assert visitor.visit == before
    assert visitor.opened().status == 200


def test_the_right_code_opens_the_form_for_one_browser() -> None:
    visitor = a_visitor()
    assert "New source" in visitor.opened().body
    assert visitor.visit.step is Step.FORM
    late = another(visitor)
    late.get()
    assert late.page.status == 404
    assert "not good any more" in late.page.body
    late.post(do="enter", code=visitor.code, token=visitor.browser.page.token)
    assert late.page.status == 404
    assert visitor.browser.get().status == 200


def test_of_two_browsers_with_the_right_code_at_once_one_gets_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = a_visitor()
    first, second = visitor.browser, another(visitor)
    first.get()
    second.get()
    change = TablePages.change

    def overtaken(pages: TablePages, before: Visit, after: Visit) -> bool:
        """Let the second in between the first one's reading and its writing."""
        monkeypatch.setattr(TablePages, "change", change)
        second.post(do="enter", code=visitor.code)
        return pages.change(before, after)

    monkeypatch.setattr(TablePages, "change", overtaken)
    first.post(do="enter", code=visitor.code)
    assert (first.page.status, second.page.status) == (404, 200)
    assert visitor.visit.revision == 1


def test_of_wrong_codes_that_come_at_once_each_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = a_visitor()
    first, second = visitor.browser, another(visitor)
    first.get()
    second.get()
    change = TablePages.change

    def overtaken(pages: TablePages, before: Visit, after: Visit) -> bool:
        monkeypatch.setattr(TablePages, "change", change)
        second.post(do="enter", code="1")
        return pages.change(before, after)

    monkeypatch.setattr(TablePages, "change", overtaken)
    first.post(do="enter", code="2")
    assert visitor.visit.tries == 2
    assert "tries left: 3" in first.page.errors()["code"]


def test_a_few_wrong_codes_are_the_end_of_a_link() -> None:
    visitor = a_visitor()
    visitor.browser.get()
    for left in range(MOST_TRIES - 1, 0, -1):
        page = visitor.browser.post(do="enter", code="999999")
        assert page.status == 403
        assert f"tries left: {left}" in page.errors()["code"]
    assert visitor.browser.post(do="enter", code="999999").status == 404
    assert visitor.browser.post(do="enter", code=visitor.code, token="any").status == 404
    assert ("page enter", "wrong page code") in [(each.verb, each.outcome) for each in visitor.chat.audit()]


def test_wrong_codes_count_whichever_browser_sends_them() -> None:
    visitor = a_visitor()
    for _ in range(MOST_TRIES):
        browser = another(visitor)
        browser.get()
        browser.post(do="enter", code="12345")
    assert visitor.visit.step is Step.ENDED
    assert another(visitor).get().status == 404


def test_a_code_of_nothing_is_no_try() -> None:
    visitor = a_visitor()
    visitor.browser.get()
    assert visitor.browser.post(do="enter", code="  ").status == 422
    assert visitor.visit.tries == 0
    assert visitor.browser.post(do="enter", code=f" {visitor.code[:3]} {visitor.code[3:]} ").status == 200


def test_a_link_is_good_for_ten_minutes() -> None:
    visitor = a_visitor()
    visitor.browser.get()
    visitor.house.clock.sleep(LINK_LIFE.total_seconds())
    assert visitor.browser.post(do="enter", code=visitor.code).status == 404
    assert visitor.browser.get().status == 404


def test_a_page_is_open_for_twenty_minutes_from_its_code_on() -> None:
    visitor = a_visitor()
    visitor.house.clock.sleep(LINK_LIFE.total_seconds() - 2)
    visitor.opened()
    visitor.house.clock.sleep(PAGE_LIFE.total_seconds() - 1)
    assert visitor.browser.get().status == 200
    visitor.house.clock.sleep(1)
    assert visitor.browser.get().status == 404
    assert visitor.browser.post(do="check", token="any").status == 404


def test_whatever_is_no_good_is_answered_alike() -> None:
    visitor = a_visitor()
    key = wiring.links().key()
    assert key is not None
    head, _, mac = visitor.url.rpartition(".")
    visit_id, _, end = head.rpartition(".")
    links = [
        f"{head}.{'A' * len(mac)}",
        f"{visit_id}.{int(end) + 999_999}.{mac}",
        f"{ADDRESS}/pages/x",
        f"{ADDRESS}/pages/" + "x" * 900,
        f"{ADDRESS}/pages/..%2f..",
        f"{ADDRESS}/pages/{key.link(replace(visitor.visit, visit_id='nobody'))}",
    ]
    visitor.opened()
    pages = [Browser(link).get() for link in links] + [another(visitor).get()]
    assert {page.status for page in pages} == {404}
    assert (
        len({page.body.replace("If you opened the page in this browser, go on with it.", "").strip() for page in pages})
        == 1
    )


def test_the_cookie_is_for_this_page_and_for_no_script() -> None:
    visitor = a_visitor()
    browser = Browser(visitor.url.replace(ADDRESS, "https://rollcall.example.com"), {"X-Forwarded-Proto": "https"})
    link = visitor.url.rpartition("/")[2]
    cookie = browser.get().headers["Set-Cookie"]
    assert cookie.endswith(
        f"; Path=/pages/{link}; Max-Age={int(LINK_LIFE.total_seconds())}; HttpOnly; SameSite=Strict; Secure"
    )
    browser.post(do="enter", code=visitor.code)
    fresh = browser.seen[-2].headers["Set-Cookie"]
    assert fresh.split(";")[0] != cookie.split(";")[0]
    assert f"Max-Age={int(PAGE_LIFE.total_seconds())}; HttpOnly; SameSite=Strict; Secure" in fresh
    assert "max-age" in browser.page.headers["Strict-Transport-Security"]


def test_on_the_machine_itself_no_https_is_needed_and_elsewhere_it_is() -> None:
    visitor = a_visitor()
    assert "Secure" not in visitor.browser.get().headers["Set-Cookie"]
    for address in ("http://192.168.0.7:8400", "http://rollcall.example.com", "http://localhost.example.com:80"):
        page = Browser(visitor.url.replace(ADDRESS, address)).get()
        assert page.status == 403
        assert "https" in page.body


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example.com"}],
)
def test_a_form_that_another_site_sends_is_refused(headers: dict[str, str]) -> None:
    visitor = a_visitor()
    visitor.opened()
    before = visitor.visit
    visitor.browser.headers = headers
    assert visitor.browser.post(do="off").status == 403
    assert visitor.visit == before


def test_a_form_without_the_token_of_this_page_and_browser_is_refused() -> None:
    house = a_house()
    chat = a_chat(house)
    visitor, other = a_visitor(chat=chat), a_visitor(chat=chat)
    visitor.opened()
    theirs = other.opened().token
    before = visitor.visit
    for token in ("", "x", theirs, "ä"):
        assert visitor.browser.post(do="off", token=token).status in (403, 404)
    assert visitor.visit == before
    visitor.browser.cookie = "rollcall=guessed"
    assert visitor.browser.post(do="off", token=visitor.browser.page.token).status == 404


def test_every_page_forbids_what_it_does_not_need() -> None:
    visitor = a_visitor()
    visitor.saved()
    visitor.browser.headers = {"Sec-Fetch-Site": "cross-site"}
    visitor.browser.post(do="off")
    for page in (*visitor.browser.seen, Browser(f"{ADDRESS}/pages/x").get()):
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'nonce-")
        for rule in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert rule in policy
        assert "unsafe" not in policy
        wanted = {
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
        }
        assert wanted.items() <= page.headers.items()
        assert "Permissions-Policy" in page.headers
        assert not re.search(r"<[^>]+ (on\w+|style)=", page.text)
        nonces = set(re.findall(r'nonce="([^"]+)"', page.text))
        assert all(f"'nonce-{nonce}'" in policy for nonce in nonces)
    policies = [page.headers["Content-Security-Policy"] for page in visitor.browser.seen if page.text]
    assert len(set(policies)) == len(policies)


def test_somebody_who_is_no_owner_any_more_can_do_nothing() -> None:
    visitor = a_visitor()
    visitor.reviewed()
    visitor.chat.admit("ou_owner", Role.OPERATOR)
    page = visitor.browser.send({"do": "save", "x.app_secret": "s3cret-9"})
    assert page.status == 403
    assert "owner" in page.body
    assert ("source create", "forbidden") in [(each.verb, each.outcome) for each in visitor.chat.audit()]
    assert visitor.browser.get().status == 403
    assert [each.handle for each in visitor.house.outside.catalog.sources()] == ["hq"]


def test_who_may_not_gets_no_link() -> None:
    chat = a_chat(a_house())
    for person in ("ou_op", "ou_viewer", "ou_stranger"):
        (answer,) = chat.hear(chat.message("source create", person))
        assert answer.reply.link is None


def test_nobody_gets_links_without_end() -> None:
    chat = a_chat(a_house(), proven=False)
    for _ in range(MOST_LINKS):
        a_visitor(chat=chat)
    assert "too many pages" in words(chat.say("source create"))
    chat.house.pass_time(minutes=11)
    a_visitor(chat=chat)


def test_what_else_is_said_meanwhile_earns_nobody_more_links() -> None:
    chat = a_chat(a_house(), proven=False)
    for _ in range(MOST_LINKS):
        a_visitor(chat=chat)
    for number in range(205):
        line = chat.last()
        chat.house.outside.audit.note(replace(line, verb="source create", outcome=f"too many links {number}"))
    assert "too many pages" in words(chat.say("source create"))


def test_cookies_of_others_on_the_same_host_are_in_nobodys_way() -> None:
    visitor = a_visitor()
    visitor.browser.get()
    visitor.browser.cookie = f'flag; x={{"a": 1}}; {visitor.browser.cookie}; path'
    assert visitor.browser.post(do="enter", code=visitor.code, lang="en").status == 200
    assert visitor.visit.step is not Step.CODE


def test_without_an_address_there_is_no_link_and_it_is_said_what_to_set() -> None:
    chat = a_chat(House())
    assert "ROLLCALL_PUBLIC_URL" in words(chat.say("source create"))
    assert "ROLLCALL_PUBLIC_URL" in words(chat.say("新建来源"))


def test_the_page_speaks_the_language_of_the_asker_and_the_other_one() -> None:
    visitor = a_visitor(text="新建来源")
    page = visitor.browser.get()
    assert 'lang="zh-CN"' in page.text
    assert "六位验证码" in page.body
    page = visitor.browser.post(do="lang", lang="zh")
    assert "Six-digit code" in page.body
    page = visitor.browser.post(do="enter", lang="en", code=visitor.code)
    assert "New source" in page.body
    assert visitor.visit.lang.value == Lang.EN
    assert "新建来源" in visitor.browser.post(do="lang").body
    assert visitor.visit.lang.value == Lang.ZH


def test_a_spent_link_is_explained_in_the_browsers_language() -> None:
    assert "链接已失效" in Browser(f"{ADDRESS}/pages/x", {"Accept-Language": "zh-CN,zh;q=0.9"}).get().body


def test_whoever_opens_what_is_no_link_makes_no_key() -> None:
    house = a_house()
    assert Browser(f"{ADDRESS}/pages/x").get().status == 404
    assert house.outside.pages.key_name() is None
    assert not [name for name in house.secrets.kept if name.startswith("pages-")]


def test_the_key_is_made_once_and_whoever_is_slower_takes_the_others() -> None:
    house = a_house()
    a_visitor(house)
    key = wiring.links().key()
    assert key is not None
    a_visitor(house)
    assert wiring.links().key() == key
    assert house.outside.pages.name_key("another") != "another"
    assert len([name for name in house.secrets.kept if name.startswith("pages-")]) == 1
    assert "LinkKey(...)" in repr(key)
