"""The chat page in a real browser, talking to a real server.

Runs where Debian's (or another) Chromium is found; KERASX_CHROMIUM names another one.
"""

import os
import re
import shutil
import time

import pytest
from playwright import sync_api as playwright

from kerasx.serve import create_app
from kerasx.serve.generation import Generation
from tests.serve.conftest import running
from tests.serve.models import save_generator

pytestmark = pytest.mark.once

CHROMIUM = os.environ.get("KERASX_CHROMIUM") or shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()

if CHROMIUM is None:
    pytest.skip("no chromium: apt-get install chromium", allow_module_level=True)
expect = playwright.expect


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = save_generator(tmp_path_factory.mktemp("chat"), specials=-30.0)
    with running(create_app(folder, max_new_tokens=24)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    context = browser.new_context(locale="en-US", viewport={"width": 1100, "height": 760})
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: "Security Policy" in said.text and wrong.append(said.text))
    page.set_default_timeout(60_000)
    page.goto(address)
    expect(page.locator("#model")).to_have_text("BERTLanguageModel")
    yield page
    context.close()
    assert not wrong


@pytest.fixture
def slow(monkeypatch):
    stream = Generation.stream

    def slowed(self, settings, prompts):
        for item in stream(self, settings, prompts):
            time.sleep(0.1)
            yield item

    monkeypatch.setattr(Generation, "stream", slowed)


def send(page, text):
    page.fill("#input", text)
    page.press("#input", "Enter")


def reply(page):
    return page.locator(".reply .bubble").last


def some_words(page):
    expect(reply(page)).to_have_text(re.compile("..."), timeout=60_000)


def finished(page):
    expect(page.locator("#stop")).to_be_hidden(timeout=60_000)
    return reply(page).text_content()


def test_what_is_sent_is_answered_letter_by_letter(page, slow):
    send(page, "你好")
    expect(page.locator(".own .bubble")).to_have_text("你好")
    some_words(page)
    part = reply(page).text_content()
    expect(page.locator("#stop")).to_be_visible()
    whole = finished(page)
    assert whole.startswith(part) and len(whole) > len(part)


def test_stopping_keeps_what_was_said_and_retrying_says_it_all(page, slow):
    send(page, "你好")
    some_words(page)
    page.click("#stop")
    stopped = finished(page)
    expect(page.locator(".reply .foot")).to_contain_text("stopped")
    page.click(".retry")
    assert finished(page).startswith(stopped) and len(finished(page)) > len(stopped)
    assert page.locator(".message").count() == 2


def test_the_keyboard_is_enough(page, slow):
    page.keyboard.type("你好")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("吗")
    page.keyboard.press("Enter")
    expect(page.locator(".own .bubble")).to_have_text("你好\n吗")
    some_words(page)
    page.keyboard.press("Escape")
    finished(page)
    assert page.locator(".message").count() == 2
    expect(page.locator("#input")).to_be_focused()


def test_other_strategies_show_their_alternatives(page):
    page.get_by_label("Beam", exact=True).check()
    expect(page.locator("#temperature")).to_be_hidden()
    send(page, "你好")
    best = finished(page)
    page.locator(".others summary").click()
    assert page.locator(".others li").count() == 3
    expect(page.locator(".others .text").first).to_have_text(best)
    scores = [float(x) for x in page.locator(".others .score").all_text_contents()]
    assert scores == sorted(scores, reverse=True)
    page.locator(".others li button").nth(1).click()
    assert reply(page).text_content() == page.locator(".others .text").nth(1).text_content() != best

    page.get_by_label("Sampling").check()
    expect(page.locator("#temperature")).to_be_visible()
    page.locator("#temperature").fill("1.5")
    page.locator("#n").fill("2")
    with page.expect_request("**/generate") as sent:
        page.locator(".retry").click()
    asked = sent.value.post_data_json
    assert (asked["strategy"], asked["temperature"], asked["n"]) == ("sampling", 1.5, 2)
    assert asked["turns"] == ["你好"]
    finished(page)
    assert page.locator(".others li").count() == 2


def test_a_dialogue_is_remembered_until_it_is_cleared(page):
    send(page, "你好")
    first = finished(page)
    with page.expect_request("**/generate") as sent:
        send(page, "吃饭")
    assert sent.value.post_data_json["turns"] == ["你好", first, "吃饭"]
    finished(page)
    page.click("#clear")
    assert page.locator(".message").count() == 0
    expect(page.locator("#welcome")).to_be_visible()


def test_texts_are_texts_and_not_markup(page):
    send(page, "<img src=x onerror=alert(1)>")
    finished(page)
    expect(page.locator(".own .bubble")).to_have_text("<img src=x onerror=alert(1)>")
    assert page.locator("#log img").count() == 0


def test_the_page_speaks_chinese_and_english_and_remembers_which(page):
    page.click("#language")
    expect(page.locator("#send")).to_have_text("发送")
    assert page.get_attribute("html", "lang") == "zh-CN"
    page.reload()
    expect(page.locator("#send")).to_have_text("发送")
    page.click("#language")
    expect(page.locator("#send")).to_have_text("Send")


def test_an_answer_that_fails_can_be_had_again(page, monkeypatch):
    page.route("**/generate", lambda route: route.fulfill(status=429, json={"error": "busy"}))
    send(page, "你好")
    expect(page.locator(".failed")).to_contain_text("busy")
    page.unroute("**/generate")
    page.click(".retry")
    assert finished(page)
    expect(page.locator(".failed")).to_have_count(0)


def test_on_a_phone_nothing_is_wider_than_the_screen(page):
    page.set_viewport_size({"width": 360, "height": 640})
    expect(page.locator("#settings")).to_be_hidden()
    page.click("#fold")
    expect(page.locator("#settings")).to_be_visible()
    page.click("#fold")
    send(page, "书" * 40)
    finished(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.locator("#send")).to_be_in_viewport()
