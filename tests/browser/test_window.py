"""The window in a real browser, the real program behind it: what a newcomer does first."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import HOSTILE, PATIENCE_S, Office

PATIENCE_MS = PATIENCE_S * 1000


@pytest.fixture(autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


def open_chat(page: Page, title: str) -> None:
    page.locator("#chats button[data-chat]", has_text=title).click()
    expect(page.locator("#title")).to_contain_text(title)


def type_in(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")
    expect(page.locator("#posts li.mine .bubble").last).to_have_text(text)


def last_answer(page: Page) -> Locator:
    return page.locator('#posts li[data-by="bot"]').last


def synced(page: Page, office: Office) -> None:
    """Type `sync now` and see the card of its task end."""
    before = page.locator('#posts li[data-by="bot"]').count()
    type_in(page, "sync now hq")
    expect(page.locator('#posts li[data-by="bot"]')).to_have_count(before + 1)
    expect(last_answer(page).locator(".head.green, .head.orange")).to_contain_text("sync", timeout=PATIENCE_MS)


def test_a_sync_is_asked_for_and_its_card_ends_as_done(page: Page, office: Office) -> None:
    open_chat(page, "林主管")
    synced(page, office)
    card = last_answer(page)
    expect(card.locator(".head")).to_contain_text("done")
    expect(card.locator(".edited")).to_contain_text("edited")
    assert int(card.get_attribute("data-edits") or 0) >= 1
    expect(page.locator("#count")).to_contain_text("people with access")


def test_an_approval_is_pressed_confirmed_and_toasted(page: Page, office: Office) -> None:
    open_chat(page, "林主管")
    synced(page, office)
    # Its events are lost on the way: it is the next sync that finds them gone.
    assert office.lark.pusher is not None
    office.lark.pusher.trouble.lose = 1.0
    for place in (office.lark.some_branch(14), office.lark.some_branch(8)):
        office.lark.close_branch(place, resign=True)
    office.lark.pusher.trouble.lose = 0.0
    synced(page, office)
    held = last_answer(page)
    expect(held.locator(".head.orange")).to_contain_text("held")
    held.get_by_role("button", name="Approve").click()
    expect(page.locator(".toast").first).to_contain_text("approving")
    asked = page.locator('#posts li[data-by="bot"]', has_text="lose access").last
    asked.get_by_role("button", name="Confirm").click()
    expect(page.locator("#posts .head.green").last).to_contain_text("done")
    expect(page.locator("#posts .head.orange")).to_have_count(0)


def test_who_may_do_nothing_is_refused_politely(page: Page, office: Office) -> None:
    open_chat(page, "路过")
    before = len(office.rollcall("records", "hq"))
    type_in(page, "sync now hq")
    expect(last_answer(page).locator(".bubble")).to_be_visible()
    assert len(office.rollcall("records", "hq")) == before


def test_a_hostile_name_is_shown_harmlessly(page: Page, office: Office) -> None:
    open_chat(page, "林主管")
    hired = office.lark.hire("0", name=HOSTILE, activated=True)
    office.lark.say(office.lark.hire("0", name="甲**乙**", activated=True), "<b>bold</b> <at id=all></at>")
    synced(page, office)
    type_in(page, "who <img")
    answer = last_answer(page)
    expect(answer.locator(".bubble")).to_contain_text("onerror=")
    assert page.locator("#posts img, #posts script, #chats img, #directory img").count() == 0
    assert answer.locator(".at, a, strong:text-is('甲')").count() == 0
    page.locator("#chats button[data-chat]", has_text="甲**乙**").click()
    expect(page.locator("#posts .bubble").first).to_have_text("<b>bold</b> <at id=all></at>")
    page.locator("#directory input").fill("onerror")
    expect(page.locator("#directory .person span").first).to_contain_text("<img src=x", timeout=PATIENCE_MS)
    assert page.title() != "1"
    office.lark.resign(hired)


def test_people_are_hired_and_let_go_in_the_window(page: Page, office: Office) -> None:
    page.locator('[data-tab="company"]').click()
    page.locator("#company form input").fill("新来的")
    page.locator("#company form button").click()
    person = page.locator("#company .person", has_text="新来的")
    expect(person).to_be_visible()
    person.get_by_role("button").click()
    page.locator("dialog .yes").click()
    expect(person).to_have_count(0)


def test_the_branch_answers_in_markdown(page: Page, office: Office) -> None:
    open_chat(page, "周经理")
    type_in(page, "status")
    expect(last_answer(page).locator(".bubble.md h3")).to_contain_text("Status")


def test_a_card_of_the_depot_is_pressed_and_edited_in_place(page: Page, office: Office) -> None:
    open_chat(page, "吴库管")
    type_in(page, "sync now depot")
    card = page.locator('#posts li[data-by="bot"]').last
    expect(card.locator(".head")).to_contain_text("done", timeout=PATIENCE_MS)
    before = page.locator('#posts li[data-by="bot"]').count()
    message = card.get_attribute("data-message")
    card.get_by_role("button", name="Details").click()
    # What only the presser sees is taken back once the answer is there.
    expect(page.locator('#posts li[data-by="bot"]')).to_have_count(before + 1)
    expect(last_answer(page)).to_contain_text("吴库管")
    expect(page.locator(f'#posts li[data-message="{message}"] .note')).to_have_count(0)


def test_the_window_speaks_chinese_too(page: Page, office: Office) -> None:
    page.locator("#lang").click()
    expect(page.locator('[data-tab="company"]')).to_have_text("公司")
    open_chat(page, "何复核")
    page.locator("#hints button", has_text="帮助").click()
    page.locator("#say button[type=submit]").click()
    expect(last_answer(page).locator(".head")).to_be_visible()


def test_on_a_phone_nothing_scrolls_sideways(browser: Browser, office: Office) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(office.url)
    page.wait_for_selector("#chats button")
    for view in ("chats", "talk", "beside"):
        page.locator(f"#views [data-view={view}]").tap()
        assert fits(page), view
    page.locator("#views [data-view=chats]").tap()
    page.locator("#chats button[data-chat]", has_text="何复核").tap()
    for text, number in zip(("help", "records", "status"), itertools.count(1), strict=False):
        before = page.locator('#posts li[data-by="bot"]').count()
        page.locator("#text").fill(text)
        page.locator("#text").press("Enter")
        expect(page.locator('#posts li[data-by="bot"]')).to_have_count(before + 1)
        assert fits(page), (text, number)
    wide = page.evaluate(
        "[...document.querySelectorAll('.card')].filter((each) => each.scrollWidth > each.clientWidth).length"
    )
    assert wide == 0
    context.close()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
