"""The answers of the gate as a browser gets them: how the built-in page looks and behaves, and what a
browser app on another origin sees.

    browser.py [TEST...]
    browser.py --record        writes the reference pictures; look at them before committing them

It needs Chromium (/usr/bin/chromium, or $CHROMIUM) and the gate's `axum` example, built. References
are in `references/`, made as `looks.py` says.
"""

import datetime
import os
import pathlib
import re
import sys
import unittest

from playwright.sync_api import sync_playwright

import looks
from site_behind_gate import EXAMPLE, other_origin, site

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# It runs as root in CI, and asks nobody of its own for anything.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WIDTHS = {320: 568, 768: 1024, 1280: 800}
MESSAGE = (
    "We are moving to a faster database. Orders that were placed before 10:00 are safe.\n"
    "Questions? help@example.com"
)
# Far enough away to be the same picture for years.
UNTIL = datetime.datetime(2999, 11, 21, 14, 30, tzinfo=datetime.timezone.utc)
TALKING = {"message": MESSAGE, "until": UNTIL.strftime("%Y-%m-%dT%H:%M:%SZ")}
WINDOWS = {"plain": {}, "talking": TALKING}
# What Chromium says of the page itself.
REFUSED = "the server responded with a status of 503"

recording = False
browser = None


class Pages(unittest.TestCase):
    """The built-in page."""

    def setUp(self):
        self.site = self.enterContext(site())

    def open(self, width=768, **options):
        """A tab that shows the site, and fails on any error of the page's script."""
        options = {"locale": "en-GB", "timezone_id": "Europe/London", **options}
        context = browser.new_context(
            viewport={"width": width, "height": WIDTHS.get(width, 800)}, **options
        )
        self.addCleanup(context.close)
        tab = context.new_page()
        tab.requests = []
        tab.problems = []
        tab.on("request", lambda request: tab.requests.append((request.method, request.url)))
        tab.on("pageerror", lambda error: tab.problems.append(str(error)))
        tab.on("console", lambda said: None if REFUSED in said.text else tab.problems.append(said.text))
        return tab

    def visit(self, *, width=768, **options):
        tab = self.open(width, **options)
        response = tab.goto(self.site.url)
        self.assertEqual(response.status, 503)
        return tab

    def assert_looks_like(self, name, tab):
        self.assertIsNone(looks.compare(looks.picture(tab), name, recording))

    def assert_readable(self, tab):
        """Nothing is cut off, nothing has to be scrolled sideways, every text has contrast."""
        width = tab.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(width, tab.viewport_size["width"])
        main = tab.locator("main").bounding_box()
        self.assertGreaterEqual(main["x"], 16)
        right = tab.viewport_size["width"] - main["x"] - main["width"]
        self.assertAlmostEqual(main["x"], right, delta=1)
        self.assertGreaterEqual(main["y"], 0)
        texts = tab.locator("h1, p:visible").all()
        self.assertGreaterEqual(len(texts), 2)
        boxes = [text.bounding_box() for text in texts]
        for above, below in zip(boxes, boxes[1:]):
            self.assertGreaterEqual(below["y"], above["y"] + above["height"], "texts overlap")
        for text in texts:
            self.assertTrue(
                text.evaluate("e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 1"),
                "a text is cut off",
            )
            size = float(text.evaluate("e => getComputedStyle(e).fontSize").removesuffix("px"))
            self.assertGreaterEqual(size, 16)
            contrast = looks.contrast(looks.open_png(text.screenshot()))
            self.assertGreaterEqual(contrast, 4.5, text.inner_text())
        icon = looks.contrast(looks.open_png(tab.locator("svg").screenshot()))
        self.assertGreaterEqual(icon, 3)

    def test_it_looks_as_it_should_at_three_widths_in_light_and_dark(self):
        for window, fields in WINDOWS.items():
            self.site.on(**fields)
            for width in WIDTHS:
                for scheme in ("light", "dark"):
                    with self.subTest(f"{window}, {width} px, {scheme}"):
                        tab = self.visit(width=width, color_scheme=scheme)
                        self.assert_readable(tab)
                        self.assertEqual(tab.problems, [])
                        tab = self.visit(width=width, color_scheme=scheme, bypass_csp=True)
                        self.assert_looks_like(f"{window}-{width}-{scheme}", tab)

    def test_it_prints_black_on_white_on_one_sheet(self):
        self.site.on(**TALKING)
        tab = self.visit(width=768, color_scheme="dark", bypass_csp=True)
        tab.emulate_media(media="print", color_scheme="dark")
        self.assert_readable(tab)
        self.assertFalse(tab.locator("#next").is_visible())
        sheets = re.findall(rb"/Type\s*/Page\b", tab.pdf(format="A4"))
        self.assertEqual(len(sheets), 1)
        self.assert_looks_like("print", tab)

    def test_a_long_message_without_spaces_stays_within_the_page(self):
        self.site.on(message="x" * 4000 + "\n" + "words and words " * 50)
        for width in WIDTHS:
            self.assert_readable(self.visit(width=width))

    def test_every_language_fits_on_a_phone(self):
        self.site.on(until=TALKING["until"])
        for locale in ("de-CH", "fr-FR", "es-MX", "it-IT", "pt-BR", "ja-JP", "en-GB"):
            with self.subTest(locale):
                tab = self.visit(width=320, locale=locale)
                self.assertEqual(tab.evaluate("document.documentElement.lang"), locale[:2])
                self.assert_readable(tab)

    def test_a_screen_reader_finds_a_heading_and_what_is_said(self):
        self.site.on(**TALKING)
        tab = self.visit()
        self.assertEqual(tab.title(), "Down for maintenance")
        self.assertEqual(
            tab.locator("body").aria_snapshot().splitlines(),
            [
                "- main:",
                '  - heading "We’ll be right back" [level=1]',
                f"  - paragraph: {MESSAGE.replace(chr(10), ' ')}",
                "  - paragraph:",
                '    - text: "Expected back:"',
                "    - time: 21 November at 14:30 GMT",
                "  - status: This page reloads by itself when the site is back.",
            ],
        )
        self.assertEqual(tab.locator("main p").first.get_attribute("lang"), "")

    def test_the_time_is_the_visitors_own(self):
        self.site.on(**TALKING)
        for locale, zone, expected in [
            ("de-CH", "Europe/Zurich", r"21\. November um 15:30 MEZ"),
            ("en-US", "America/New_York", r"November 21 at 9:30\sAM EST"),
            ("en-GB", "Asia/Tokyo", r"21 November at 23:30 GMT\+9"),
            ("nl-NL", "Europe/Amsterdam", r"November 21 at 3:30\sPM GMT\+1"),
        ]:
            tab = self.visit(locale=locale, timezone_id=zone)
            self.assertRegex(tab.locator("time").inner_text(), f"^{expected}$")

    def test_without_scripts_it_says_everything(self):
        self.site.on(**TALKING)
        tab = self.visit(java_script_enabled=False)
        text = tab.locator("main").inner_text()
        self.assertIn("Expected back: 2999-11-21 14:30 UTC", text)
        self.assertNotIn("reloads", text)
        self.site.on()
        tab.reload()
        self.assertIn("Please try again in a few minutes.", tab.locator("main").inner_text())

    def test_a_message_is_text_and_nothing_else(self):
        self.site.on(message="<img src=x onerror=alert(1)><script>alert(2)</script>&lt;\"'")
        tab = self.visit()
        said = tab.locator("main p").first
        self.assertEqual(
            said.inner_text(), "<img src=x onerror=alert(1)><script>alert(2)</script>&lt;\"'"
        )
        self.assertEqual(tab.locator("img").count(), 0)
        self.assertEqual(tab.problems, [])

    def test_nothing_moves(self):
        self.site.on(**TALKING)
        tab = self.visit(reduced_motion="reduce")
        self.assertEqual(tab.evaluate("document.getAnimations().length"), 0)

    def test_it_asks_now_and_then_while_it_is_seen_and_reloads_when_the_site_is_back(self):
        self.site.on()
        tab = self.open()
        tab.clock.install()
        tab.add_init_script(
            "let hidden = false; Object.defineProperty(document, 'hidden', {get: () => hidden});"
            "window.hide = value => {"
            "  hidden = value; document.dispatchEvent(new Event('visibilitychange')) }"
        )
        tab.goto(f"{self.site.url}/?page=1#part")
        asked = lambda: [method for method, _ in tab.requests].count("HEAD")

        tab.clock.run_for(19_000)
        self.assertEqual(asked(), 0, "not at once")
        with tab.expect_response(lambda response: response.request.method == "HEAD"):
            tab.clock.run_for(11_500)
        self.assertEqual(asked(), 1)
        with tab.expect_response(lambda response: response.request.method == "HEAD"):
            tab.clock.run_for(31_000)
        self.assertEqual(asked(), 2)

        tab.evaluate("hide(true)")
        tab.clock.run_for(600_000)
        self.assertEqual(asked(), 2, "nobody looks")
        with tab.expect_response(lambda response: response.request.method == "HEAD"):
            tab.evaluate("hide(false)")
            tab.clock.run_for(1)

        # An answer that is not the gate's, but no better, changes nothing.
        tab.route("**/*", lambda route: route.fulfill(status=502), times=1)
        with tab.expect_response(lambda response: response.status == 502):
            tab.clock.run_for(31_000)
        tab.route("**/*", lambda route: route.abort(), times=1)
        with tab.expect_event("requestfailed"):
            tab.clock.run_for(31_000)
        self.assertEqual(tab.title(), "Down for maintenance")

        self.site.off()
        with tab.expect_navigation():
            tab.clock.run_for(31_000)
        self.assertEqual(tab.locator("body").inner_text().strip(), "Hello, visitor.")
        self.assertEqual(tab.url, f"{self.site.url}/?page=1#part")

        # The page, and what it asked; the favicon, which would wake the app once more, neither.
        address = f"{self.site.url}/?page=1"
        self.assertEqual({url.split("#")[0] for _, url in tab.requests}, {address})
        self.assertLessEqual({method for method, _ in tab.requests}, {"GET", "HEAD"})
        self.site.stop()
        self.assertEqual(self.site.blocked(), [("GET", "/")] + [("HEAD", "/")] * 3)

    def test_who_sent_a_form_is_told_and_the_page_does_not_send_it_again(self):
        self.site.off()
        tab = self.open()
        tab.clock.install()
        tab.goto(self.site.url)
        self.site.on()
        tab.evaluate(
            "document.body.innerHTML = '<form method=post><input name=a value=b></form>'"
        )
        with tab.expect_navigation():
            tab.evaluate("document.forms[0].submit()")
        self.assertIn("was not saved", tab.locator("main").inner_text())
        self.assert_readable(tab)
        sent = list(tab.requests)
        tab.clock.run_for(120_000)
        self.assertEqual(tab.requests, sent)


FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options)
        const seen = name => answer.headers.get(name)
        return [answer.status, seen('retry-after'), seen('x-maintenance'), await answer.text()]
    } catch (error) { return String(error) }
}"""
PUT = {"method": "PUT", "headers": {"x-custom": "1", "accept": "application/json"}, "body": "{}"}
WITH_COOKIES = {"credentials": "include"}
OPAQUE = "TypeError: Failed to fetch"


class Origins(unittest.TestCase):
    """An app on another origin."""

    def fetches(self, *options, **variables):
        """What the other origin sees of each fetch from a site in maintenance."""
        with other_origin() as origin:
            variables = {name: value.format(origin=origin) for name, value in variables.items()}
            with site(**variables) as running:
                running.on(message="Soon")
                context = browser.new_context()
                try:
                    tab = context.new_page()
                    tab.goto(origin)
                    return [tab.evaluate(FETCH, [running.url, each]) for each in options]
                finally:
                    context.close()

    def assert_seen(self, result):
        self.assertEqual(result[:3], [503, "120", "on"], result)
        self.assertIn("Soon", result[3])

    def test_unless_it_is_configured_it_sees_an_opaque_failure(self):
        self.assertEqual(self.fetches({}, PUT), [OPAQUE, OPAQUE])

    def test_a_listed_origin_sees_the_status_the_headers_and_the_body(self):
        results = self.fetches(
            {},
            WITH_COOKIES,
            PUT,
            {**PUT, **WITH_COOKIES},
            {"method": "DELETE"},
            MAINTENANCE_CORS_ORIGINS="https://a.example,{origin}",
            MAINTENANCE_NEGOTIATE="1",
        )
        for result in results:
            self.assert_seen(result)
        self.assertIn('"error":"maintenance"', results[2][3])

    def test_an_origin_that_is_not_listed_sees_nothing(self):
        results = self.fetches({}, PUT, MAINTENANCE_CORS_ORIGINS="https://a.example")
        self.assertEqual(results, [OPAQUE, OPAQUE])

    def test_any_origin_sees_it_without_cookies(self):
        plain, put, cookies = self.fetches({}, PUT, WITH_COOKIES, MAINTENANCE_CORS_ORIGINS="*")
        self.assert_seen(plain)
        self.assert_seen(put)
        self.assertEqual(cookies, OPAQUE)


def main():
    global browser, recording
    arguments = sys.argv[1:]
    if "--record" in arguments:
        arguments.remove("--record")
        recording = True
    for path in (pathlib.Path(CHROMIUM), EXAMPLE):
        if not path.exists():
            raise SystemExit(f"{path} is missing: see the top of {__file__}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        print(f"Chromium {browser.version}", file=sys.stderr)
        try:
            argv = [sys.argv[0], "--verbose", *arguments]
            result = unittest.main(argv=argv, exit=False).result
        finally:
            browser.close()
    failed = len({getattr(test, "test_case", test) for test, _ in result.failures + result.errors})
    # `.ci/run` counts by this line.
    print(f"browser: {result.testsRun - failed} passed, {failed} failed")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    raise SystemExit(main())
