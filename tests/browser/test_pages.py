"""From the bot's answer in the chat window to a new source, through the one-time page, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.browser.conftest import PATIENCE_S, Office
from tests.browser.test_window import fits, last_answer, open_chat, type_in
from tests.pages.pictures import a_png

PATIENCE_MS = PATIENCE_S * 1000
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1360, height=860)


@pytest.fixture(autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def window(browser: Browser, office: Office, locale: str) -> Iterator[Page]:
    context = browser.new_context(viewport=DESK, locale=locale)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(office.url)
    page.wait_for_selector("#chats button")
    yield page
    context.close()


def code_in(page: Page) -> str:
    """Read the code that the bot sent to the person alone."""
    told = page.locator('#posts li[data-by="bot"]', has_text=re.compile(r"\b\d{6}\b")).last
    expect(told).to_be_visible()
    found = re.search(r"\b(\d{6})\b", told.inner_text())
    assert found is not None
    return found[1]


def settings(office: Office) -> dict[str, str]:
    shown: dict[str, str] = office.rollcall("source", "show", "hq")["settings"]
    return shown


def answer(page: Page, office: Office, handle: str, name: str) -> None:
    """Fill the form in, with a mistake first."""
    page.locator("#handle").fill("Wrong Handle")
    page.locator("#name").fill(name)
    page.locator("#x-app_id").fill(office.lark.app_id)
    page.locator("summary").click()
    page.locator("#x-base_url").fill(settings(office)["base_url"])
    page.locator("button.primary").click()
    expect(page.locator("#handle-error")).to_be_visible()
    expect(page.locator("#handle")).to_be_focused()
    assert page.locator("#name").input_value() == name
    page.locator("#handle").fill(handle)
    page.locator("#logo").set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": a_png(256)})
    page.locator("button.primary").click()


def watched(context: BrowserContext) -> list[str]:
    """Gather what scripts and the policy complain of; a refused form is no complaint of theirs."""
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    return errors


def test_a_source_is_made_at_a_desk_from_the_link_in_the_chat(browser: Browser, office: Office) -> None:
    with window(browser, office, "en-GB") as chat:
        errors = watched(chat.context)
        open_chat(chat, "林主管")
        type_in(chat, "source create")
        card = chat.locator('#posts li[data-by="bot"]', has_text="Open the page").last
        expect(card).to_be_visible()
        code = code_in(chat)
        with chat.context.expect_page() as opened:
            card.get_by_role("button", name="Open the page").click()
        page = opened.value
        page.locator("#code").fill("000000" if code != "000000" else "000001")
        page.keyboard.press("Enter")
        expect(page.locator("#code-error")).to_contain_text("tries left")
        page.locator("#code").fill(code)
        page.keyboard.press("Enter")
        page.locator("button[name=kind]").first.click()
        answer(page, office, "desk", "Desk")
        expect(page.locator("#preview")).to_be_visible()
        expect(page.locator(".pairs")).to_contain_text("Desk")
        page.locator("#x-app_secret").fill(office.lark.app_secret)
        expect(page.locator("output.given").first).to_have_text(f"given, {len(office.lark.app_secret)} characters")
        page.get_by_role("button", name="Save and activate").click()
        expect(page.locator("h1")).to_have_text("Desk is created and active")
        expect(chat.locator('#posts li[data-by="bot"]', has_text="created and active")).to_be_visible()
        made = office.rollcall("source", "show", "desk")
        assert made["enabled"]
        office.rollcall("--yes", "disable", "desk")
        assert not errors
        # The link is spent, and says so, for everybody else.
        elsewhere = browser.new_context()
        late = elsewhere.new_page()
        late.goto(page.url)
        expect(late.locator("h1")).to_have_text("This link is not good any more")
        elsewhere.close()


def test_a_source_is_made_on_a_phone_in_chinese_from_a_chat_without_buttons(browser: Browser, office: Office) -> None:
    with window(browser, office, "zh-CN") as chat:
        open_chat(chat, "周经理")
        type_in(chat, "新建来源 phone")
        told = chat.locator('#posts li[data-by="bot"] a', has_text="打开页面").last
        expect(told).to_be_visible()
        link, code = told.get_attribute("href") or "", code_in(chat)
        context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN")
        context.set_default_timeout(PATIENCE_MS)
        errors = watched(context)
        page = context.new_page()
        page.goto(link)
        expect(page.locator("h1")).to_have_text("输入验证码")
        page.locator("#code").fill(code)
        page.locator("button.primary").tap()
        page.locator("button[name=kind]", has_text="飞书").tap()
        assert page.locator("#handle").input_value() == "phone"
        assert fits(page)
        answer(page, office, "phone", "手机来源")
        expect(page.locator("#preview")).to_have_text("将要保存的内容")
        assert fits(page)
        small = page.evaluate(
            "[...document.querySelectorAll('button:not(.unseen), input:not([type=hidden]), select, summary')]"
            ".filter((each) => each.offsetParent && each.getBoundingClientRect().height < 30).length"
        )
        assert small == 0
        page.locator("#x-app_secret").fill("not the secret")
        page.locator("button[value=activate]:not(.unseen)").tap()
        expect(page.locator("h1")).to_have_text("手机来源 已创建，尚未启用")
        expect(page.locator(".findings .failed").first).to_be_visible()
        assert fits(page)
        page.locator("button[value=again]").tap()
        page.locator("button.primary").tap()
        page.locator("#x-app_secret").fill(office.lark.app_secret)
        page.locator("button[value=activate]:not(.unseen)").tap()
        expect(page.locator("h1")).to_have_text("手机来源 已保存，已启用")
        assert office.rollcall("source", "show", "phone")["enabled"]
        office.rollcall("--yes", "disable", "phone")
        expect(last_answer(chat)).to_contain_text("手机来源")
        assert not errors
        context.close()
