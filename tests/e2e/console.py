"""The console as people use it in a browser: entering and exiting maintenance, alone and beside others, with a
script and without, with a mouse and without, and how its pages look and read.

    console.py [TEST...]
    console.py --record        writes the reference pictures; look at them before committing them

It needs Chromium (/usr/bin/chromium, or $CHROMIUM) and the `maintenance` command, built. References are in
`references/`, made as `looks.py` says.
"""

import os
import pathlib
import re
import sys
import unittest

import axe_playwright_python
from playwright.sync_api import expect, sync_playwright

import looks
from browser import ARGUMENTS, CHROMIUM
from served import COMMAND, dev

# An operation on ten functions takes seconds at AWS's rate, and longer on a busy machine.
SOON = 60_000
AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
SIZES = {1280: 800, 390: 844}
# What axe judges: its rules look at the width or at the colours, and at none of both together.
JUDGED = {(1280, "light"), (390, "dark")}
SHOP = "/products/dev/shop"
# Those of WCAG 2.2 AA, and what is good practice besides.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Pages of which a picture is kept. Of the others, what is shown depends on how far an operation is, or is secret.
KEPT = {"products", "product", "enter", "entered", "product-on", "exit", "schedule", "window", "observers", "not-found"}
# Pages that answer a form, or are gone in a moment: only the tab that sent it has them.
ANSWERS = {"enter-refused", "working", "link"}
# What differs from run to run: times, how far away they are, ports, tokens.
STILL = """
    document.querySelectorAll('time').forEach(it => it.textContent = '29 Nov 2026, 12:00 GMT')
    document.querySelectorAll('.ago').forEach(it => it.textContent = '(in 15 min)')
    document.querySelectorAll('a[rel=noreferrer]').forEach(it => it.textContent = 'http://127.0.0.1:3000/')
"""

recording = False
browser = None
expect.set_options(timeout=SOON)


class Console(unittest.TestCase):
    def setUp(self):
        self.dev = self.enterContext(dev())

    def open(self, width=1280, **options):
        """A tab that fails the test on any error of the page's script."""
        options = {"locale": "en-GB", "timezone_id": "Europe/London", **options}
        viewport = {"width": width, "height": SIZES[width]}
        context = browser.new_context(viewport=viewport, **options)
        context.set_default_timeout(SOON)
        self.addCleanup(context.close)
        tab = context.new_page()
        tab.problems, tab.requests = [], []
        tab.on("pageerror", lambda error: tab.problems.append(str(error)))
        tab.on("request", lambda request: tab.requests.append(request.url))
        self.addCleanup(lambda: self.assertEqual(tab.problems, []))
        return tab

    def sign_in(self, url=None, token=None, path="/", **options):
        """A tab on a page of the console."""
        tab = self.open(**options)
        tab.base = url or self.dev.url
        tab.goto(tab.base + path)
        tab.fill("#token", token or self.dev.token)
        tab.click("main button")
        tab.wait_for_url(tab.base + path)
        return tab

    def ask(self, tab, reason="schema 42"):
        """Goes to the page that asks, and fills it in."""
        tab.goto(tab.base + SHOP + "/enter")
        tab.fill("#reason", reason)
        tab.check("#accept_loss")

    def enter(self, tab, reason="schema 42"):
        self.ask(tab, reason)
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Maintenance is on: Shop")

    def exit(self, tab):
        tab.goto(tab.base + SHOP + "/exit")
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Maintenance is off: Shop")

    def assert_mode(self, tab, mode):
        expect(tab.locator("section .badge").first).to_have_text(mode)

    def test_a_person_who_has_never_seen_it_enters_and_exits_by_its_buttons(self):
        before = self.dev.functions()
        tab = self.sign_in()
        tab.click("text=Shop")
        self.assert_mode(tab, "Normal")
        tab.click("text=Enter maintenance…")
        main = tab.locator("main")
        expect(main).to_contain_text("Events will be lost")
        expect(main).to_contain_text(
            "events from s3.amazonaws.com will be LOST (no dead-letter queue, no failure destination)"
        )
        expect(main).to_contain_text("messages from sqs billing-dev-payments wait in the queue")
        tab.fill("#reason", "schema 42")
        tab.fill("#until", "45m")
        tab.check("#link")
        tab.check("#accept_loss")
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Maintenance is on: Shop")
        expect(main).to_contain_text("Safe to migrate after")
        tab.click("text=Show the bypass link")
        link = tab.locator(".secret").first.inner_text()
        # It leads past the gate, which shows its page to others.
        self.assertEqual(self.status_of(link.split("?")[0]), 503)
        self.assertEqual(self.status_of(link), 200)
        tab.click("text=Back to Shop")
        self.assert_mode(tab, "Maintenance")
        expect(tab.locator("main")).to_contain_text("(in 45 min)")
        tab.click("text=Exit maintenance…")
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Maintenance is off: Shop")
        tab.click("text=Back to Shop")
        self.assert_mode(tab, "Normal")
        self.assertEqual(self.dev.functions(), before)
        # Nothing was asked of anybody else.
        self.assertEqual([url for url in tab.requests if not url.startswith((self.dev.url, "data:"))], [])

    def status_of(self, url):
        """What a visitor of the site gets."""
        context = browser.new_context()
        try:
            return context.new_page().goto(url).status
        finally:
            context.close()

    def test_the_wrong_owner_is_told_who_holds_it_and_may_override_it_with_a_reason(self):
        observer = self.dev.run(
            "token", "new", "--name", "monitor", "--scope", "observe", "--observer", "healthcheck"
        )
        self.dev.set_mode(observer, {"mode": "Maintenance", "acceptEventLoss": True})
        tab = self.sign_in(path=SHOP)
        expect(tab.locator("main")).to_contain_text("The observer healthcheck holds this maintenance")
        self.assertEqual(tab.locator("#exit").count(), 0)
        tab.click("#override")
        tab.fill("#reason", "a false alarm")
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Maintenance is off: Shop")

    def test_of_two_people_at_the_same_time_one_enters_and_the_other_sees_it(self):
        self.dev.slow_down(700)
        other_token = self.dev.run("token", "new", "--name", "ben", "--scope", "write")
        ana, ben = self.sign_in(), self.sign_in(token=other_token)
        self.ask(ana, "mine")
        self.ask(ben, "his")
        ana.click("#go")
        expect(ana.locator("h1")).to_have_text("Entering maintenance: Shop")
        ben.click("#go")
        expect(ben.locator("main")).to_contain_text("nothing of what you asked for was begun")
        expect(ben.locator("main")).to_contain_text("mine")
        for tab in (ana, ben):
            expect(tab.locator("h1")).to_have_text("Maintenance is on: Shop")

    def test_reloading_in_the_middle_loses_nothing(self):
        self.dev.slow_down(500)
        tab = self.sign_in()
        self.ask(tab)
        tab.click("#go")
        heading = tab.locator("h1")
        expect(heading).to_have_text("Entering maintenance: Shop")
        for _ in range(3):
            tab.reload()
            expect(heading).to_have_text(re.compile("(Entering maintenance|Maintenance is on): Shop"))
        expect(heading).to_have_text("Maintenance is on: Shop")

    def test_a_server_that_is_killed_in_the_middle_and_started_again_finishes_it(self):
        before = self.dev.functions()
        server = self.dev.serve()
        self.addCleanup(server.kill)
        tab = self.sign_in(url=server.find(r"(http://\S+)"))
        self.dev.slow_down(1500)
        self.ask(tab)
        tab.click("#go")
        expect(tab.locator("main")).to_contain_text("pausing functions, 1 of")
        path = tab.url.removeprefix(tab.base)
        server.kill()
        self.dev.speed_up()
        self.dev.let_leases_end()
        tab.close()

        server = self.dev.serve()
        self.addCleanup(server.kill)
        # The session has outlived it, but this is another port, and so another site.
        tab = self.sign_in(url=server.find(r"(http://\S+)"), path=path)
        expect(tab.locator("h1")).to_have_text("This server does not know the operation")
        tab.click("text=Finish entering…")
        tab.fill("#reason", "the same again")
        if tab.locator("#accept_loss").count():
            tab.check("#accept_loss")
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Maintenance is on: Shop")
        self.exit(tab)
        self.assertEqual(self.dev.functions(), before)

    def test_a_page_that_is_open_follows_what_others_do(self):
        watching, acting = self.sign_in(path=SHOP), self.sign_in()
        self.assert_mode(watching, "Normal")
        watching.evaluate("window.same = true")
        self.enter(acting)
        self.assert_mode(watching, "Maintenance")
        expect(watching.locator("#says")).to_have_text("Shop: Maintenance")
        self.assertTrue(watching.evaluate("window.same"), "it was not loaded anew")
        self.exit(acting)
        self.assert_mode(watching, "Normal")

    def test_without_a_script_everything_works(self):
        tab = self.sign_in(java_script_enabled=False, path=SHOP)
        self.assert_mode(tab, "Normal")
        tab.click("text=Enter maintenance…")
        tab.fill("#reason", "schema 42")
        tab.check("#accept_loss")
        tab.click("#go")
        # The page reloads itself.
        expect(tab.locator("h1")).to_have_text("Maintenance is on: Shop")
        tab.click("text=Back to Shop")
        expect(tab.locator("main")).to_contain_text("UTC")
        tab.click("text=Exit maintenance…")
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Maintenance is off: Shop")

    def test_by_keyboard_alone_it_is_entered_and_exited(self):
        tab = self.open()
        tab.goto(self.dev.url + SHOP)
        tab.keyboard.type(self.dev.token)
        tab.keyboard.press("Enter")
        self.assert_mode(tab, "Normal")
        # The first stop leads past the navigation.
        tab.keyboard.press("Tab")
        self.assertEqual(self.focused(tab), "Skip to the content")
        tab.keyboard.press("Enter")
        self.go_to(tab, "Enter maintenance…")
        tab.keyboard.press("Enter")
        expect(tab.locator("h1")).to_have_text("Enter maintenance: Shop")
        self.go_to(tab, "#reason")
        tab.keyboard.type("schema 42")
        self.go_to(tab, "#accept_loss")
        tab.keyboard.press("Space")
        self.go_to(tab, "#go")
        tab.keyboard.press("Enter")
        expect(tab.locator("h1")).to_have_text("Maintenance is on: Shop")
        self.go_to(tab, "Exit maintenance…")
        tab.keyboard.press("Enter")
        expect(tab.locator("h1")).to_have_text("Exit maintenance: Shop")
        self.go_to(tab, "#go")
        tab.keyboard.press("Enter")
        expect(tab.locator("h1")).to_have_text("Maintenance is off: Shop")

    def focused(self, tab):
        return tab.evaluate("document.activeElement.innerText")

    def go_to(self, tab, what):
        """Presses Tab until the focus is there. Wherever it is, it can be seen."""
        for _ in range(60):
            tab.keyboard.press("Tab")
            element = tab.evaluate(
                "(e => ({ text: e.innerText, id: '#' + e.id, outline: getComputedStyle(e).outlineStyle }))"
                "(document.activeElement)"
            )
            if what in (element["text"], element["id"]):
                self.assertNotEqual(element["outline"], "none", what)
                return
        self.fail(f"{what} cannot be reached")

    def pages(self, tab):
        """Every page, by name, one after the other."""
        yield self.at(tab, "products", "/")
        yield self.at(tab, "product", SHOP)
        tab.goto(tab.base + "/observers")
        expect(tab.locator("main")).to_contain_text("the file does not exist")
        yield self.at(tab, "observers", "/observers")
        yield self.at(tab, "enter", SHOP + "/enter")
        tab.fill("#until", "soon")
        tab.fill("#reason", "schema 42")
        tab.check("#accept_loss")
        tab.click("#go")
        yield "enter-refused"
        tab.fill("#until", "2h")
        tab.fill("#message", "We are moving to a faster database.")
        tab.check("#link")
        tab.check("#accept_loss")
        self.dev.slow_down(300)
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Entering maintenance: Shop")
        yield "working"
        self.dev.speed_up()
        expect(tab.locator("h1")).to_have_text("Maintenance is on: Shop")
        yield "entered"
        tab.click("#link")
        yield "link"
        yield self.at(tab, "product-on", SHOP)
        yield self.at(tab, "exit", SHOP + "/exit")
        tab.click("#go")
        expect(tab.locator("h1")).to_have_text("Maintenance is off: Shop")
        yield "exited"
        yield self.at(tab, "schedule-empty", SHOP + "/schedule")
        tab.fill("#starts", "3h")
        tab.fill("#ends", "2h")
        tab.fill("#reason", "schema 43")
        tab.click("#go")
        expect(tab.locator("dl")).to_contain_text("schema 43")
        yield "schedule"
        tab.click("text=Move or cancel…")
        yield "window"
        tab.click("#cancel")
        expect(tab.locator("main")).to_contain_text("No maintenance is scheduled")
        yield self.at(tab, "history", "/history")
        yield self.at(tab, "unknown", SHOP + "/operations/0")
        yield self.at(tab, "not-found", "/nothing")

    def at(self, tab, name, path):
        tab.goto(tab.base + path)
        # What is read in the background is there.
        expect(tab.locator("main")).not_to_contain_text("Reading")
        return name

    def test_every_page_looks_as_it_should_fits_and_breaks_no_rule_of_accessibility(self):
        schemes = [(width, scheme) for width in SIZES for scheme in ("light", "dark")]
        tabs = []
        for width, scheme in schemes:
            options = {"width": width, "color_scheme": scheme, "bypass_csp": True}
            tab = self.open(**options)
            tab.goto(self.dev.url)
            self.assert_accessible(tab, "login")
            self.assert_looks_like(f"console-login-{width}-{scheme}", tab)
            tab.context.close()
            tabs.append(self.sign_in(**options))
        for name in self.pages(tabs[0]):
            for (width, scheme), tab in zip(schemes, tabs):
                # Both widths and both schemes are judged, and of what only a picture is kept, all four are looked at.
                is_judged = (width, scheme) in JUDGED
                if not is_judged and name not in KEPT:
                    continue
                with self.subTest(f"{name}, {width} px, {scheme}"):
                    if tab is not tabs[0]:
                        if name in ANSWERS:
                            continue
                        tab.goto(tabs[0].url)
                    if is_judged:
                        self.assert_accessible(tab, name)
                    wide = tab.evaluate("document.documentElement.scrollWidth")
                    self.assertLessEqual(wide, width)
                    if name in KEPT:
                        self.assert_looks_like(f"console-{name}-{width}-{scheme}", tab)

    def assert_accessible(self, tab, name):
        tab.evaluate(AXE)
        results = tab.evaluate("rules => axe.run({ runOnly: rules })", RULES)
        self.assertGreater(len(results["passes"]), 10, "it has looked at the page")
        broken = [
            f"{it['id']}: {it['help']}: {[node['html'] for node in it['nodes']]}"
            for it in results["violations"]
        ]
        self.assertEqual(broken, [], name)

    def assert_looks_like(self, name, tab):
        # The page would put back what is made still.
        tab.evaluate("delete document.querySelector('main').dataset.live")
        tab.evaluate(f"() => {{ {STILL} }}")
        self.assertIsNone(looks.compare(looks.picture(tab, whole=True), name, recording))

    def test_nothing_moves_for_who_does_not_want_it(self):
        tab = self.sign_in(path=SHOP, reduced_motion="reduce")
        self.assertEqual(tab.evaluate("document.getAnimations().length"), 0)


def main():
    global browser, recording
    arguments = sys.argv[1:]
    if "--record" in arguments:
        arguments.remove("--record")
        recording = True
    for path in (pathlib.Path(CHROMIUM), COMMAND):
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
    print(f"console: {result.testsRun - failed} passed, {failed} failed")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    raise SystemExit(main())
