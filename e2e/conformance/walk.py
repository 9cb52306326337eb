#!/usr/bin/env python3
"""Walks plans of the OpenID conformance suite against a Gatelatch and prints what each module found.

    walk.py --suite https://localhost:8443 --gatelatch "gatelatch --data data" --person suite@example.com CONFIG PLAN...

CONFIG is a configuration of the suite, as docs/conformance.md shows one. PLAN is the name of a plan, with its variants in
brackets: oidcc-basic-certification-test-plan[server_metadata=discovery][client_registration=static_client].
The suite waits for a person: this is one, with a browser that forgets everything between two modules. Where a page is to be
photographed, its words are kept instead and printed. Nothing but Python is needed.
"""
import argparse
import html.parser
import http.cookiejar
import json
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# Suite and server are on this machine with certificates of their own.
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE

# A picture of one pixel in the place of a photograph.
PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


class Forms(html.parser.HTMLParser):
    """The forms and the visible words of a page."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.words, self.silent = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "method": a.get("method", "get").lower(), "fields": {}, "ids": set()})
        elif tag in ("input", "button") and self.forms:
            form = self.forms[-1]
            form["ids"].add(a.get("id"))
            if tag == "input" and a.get("name") and a.get("type") not in ("checkbox", "submit", "radio"):
                form["fields"][a["name"]] = a.get("value", "")
            if tag == "button" and a.get("name"):
                form["fields"].setdefault(a["name"], a.get("value", ""))
        if tag in ("script", "style"):
            self.silent += 1

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.silent -= 1

    def handle_data(self, data):
        if not self.silent and data.strip():
            self.words.append(" ".join(data.split()))


class Browser:
    """Cookies, redirects, and somebody who signs in with the code from their mailbox."""

    def __init__(self, args):
        self.args = args
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=TRUSTING), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.seen = []

    def fetch(self, address, form=None, headers=None):
        data = urllib.parse.urlencode(form).encode() if isinstance(form, dict) else form
        request = urllib.request.Request(address, data=data, headers={"Accept": "text/html", **(headers or {})})
        try:
            answer = self.opener.open(request, timeout=60)
        except urllib.error.HTTPError as refused:
            answer = refused
        return answer.geturl(), answer.status, answer.read().decode("utf-8", "replace")

    def code(self):
        line = self.args.gatelatch.split() + ["inbox", "--code", self.args.person, "--wait", "20s"]
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()

    def visit(self, address, method="GET"):
        # A POST has the parameters of the address as its form.
        target, _, query = address.partition("?")
        at, status, text = self.fetch(target, query.encode()) if method == "POST" else self.fetch(address)
        for _ in range(8):
            if at.startswith(self.args.suite):
                self.finish(text)
                return
            page = Forms(text)
            step = self.next(page)
            if step is None:
                self.seen.append(f"{status}: " + " / ".join(page.words)[:300])
                return
            action, form = step
            target = urllib.parse.urljoin(at, action)
            here = urllib.parse.urljoin(at, "/")
            at, status, text = self.fetch(target, form, {"Origin": here.rstrip("/")})
        raise RuntimeError("the pages do not end at " + at)

    def next(self, page):
        """What a person does on this page: where the form goes and what is in it; None at an end."""
        for form in page.forms:
            fields = form["fields"]
            if "code" in fields and "flow" in fields and form["action"].startswith("/sign-in"):
                return form["action"], {**fields, "code": self.code()}
            if "email" in fields and form["action"].startswith("/sign-in"):
                return form["action"], {**fields, "email": self.args.person}
            if "consent-allow" in form["ids"]:
                return form["action"], {**fields, "decision": "allow"}
            if "logout-confirm" in form["ids"]:
                return form["action"], fields
            if form["action"].startswith(self.args.suite):
                return form["action"], fields  # response_mode=form_post
        return None

    def finish(self, text):
        """What the script of the suite's callback page does."""
        found = re.search(r"xhr\.open\('POST', \"([^\"]+)\"", text)
        if found:
            self.fetch(json.loads('"' + found.group(1) + '"'), b"", {"Content-Type": "text/plain"})


class Suite:
    def __init__(self, base):
        self.base = base

    def call(self, method, path, body=None, kind="application/json", **query):
        address = self.base + "/api/" + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(address, data=data, method=method, headers={"Content-Type": kind, "Accept": "application/json"})
        with urllib.request.urlopen(request, context=TRUSTING, timeout=60) as answer:
            text = answer.read().decode()
        return json.loads(text) if text else None


def walk(suite, args, plan, config):
    name, *pairs = re.findall(r"[^\[\]]+", plan)
    variant = dict(pair.split("=", 1) for pair in pairs)
    made = suite.call("POST", "plan", config, planName=name, variant=json.dumps(variant))
    modules = [m for m in made["modules"] if not args.only or re.search(args.only, m["testModule"])]
    print(f"\n{plan}: {len(modules)} modules", flush=True)
    results = {}
    for module in modules:
        began = time.time()
        result, warnings, seen = run(suite, args, made["id"], module)
        results[result] = results.get(result, 0) + 1
        print(f"  {result:8} {module['testModule']} ({time.time() - began:.0f}s)")
        for line in warnings + ["page " + s for s in seen]:
            print("             " + line)
        sys.stdout.flush()
    print("  " + ", ".join(f"{n} {result}" for result, n in sorted(results.items())), flush=True)


def run(suite, args, plan, module):
    test = suite.call("POST", "runner", test=module["testModule"], plan=plan, variant=json.dumps(module.get("variant") or {}))["id"]
    browser, visited, deadline = Browser(args), 0.0, time.time() + args.patience
    while time.time() < deadline:
        info = suite.call("GET", "info/" + test)
        if info["status"] in ("FINISHED", "INTERRUPTED"):
            break
        if info["status"] == "CONFIGURED":
            if module["testModule"] == "oidcc-server-rotate-keys":
                subprocess.run(args.gatelatch.split() + ["keys", "rotate"], check=True, capture_output=True)
            suite.call("POST", "runner/" + test)
        if info["status"] == "WAITING":
            for entry in suite.call("GET", "runner/" + test)["browser"]["urlsWithMethod"]:
                suite.call("POST", f"runner/browser/{test}/visit", url=entry["url"])
                client = urllib.parse.parse_qs(urllib.parse.urlsplit(entry["url"]).query).get("client_id")
                if args.endpoint_audience and client:
                    subprocess.run(args.gatelatch.split() + ["app", "update", client[0], "--allow-endpoint-audience"], check=False, capture_output=True)
                browser.visit(entry["url"], entry.get("method", "GET"))
                visited = time.time()
            for image in suite.call("GET", f"log/{test}/images"):
                # A module that goes on by itself has seen an answer and wants no picture.
                if image.get("upload") and not image.get("img") and visited and time.time() > visited + 3:
                    suite.call("POST", f"log/{test}/images/{image['upload']}", PIXEL, "text/plain")
        time.sleep(0.3)
    log = suite.call("GET", "log/" + test)
    notes = [f"{e['result']}: {e.get('src')}: {e.get('msg')}" for e in log if e.get("result") in ("WARNING", "FAILURE", "INTERRUPTED")]
    info = suite.call("GET", "info/" + test)
    return info.get("result") or info["status"], notes, browser.seen


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--suite", default="https://localhost:8443")
    p.add_argument("--gatelatch", default="gatelatch", help="the command and its --data, to read the inbox")
    p.add_argument("--person", default="suite@example.com")
    p.add_argument("--only", help="a regular expression: only modules of that name")
    p.add_argument("--endpoint-audience", action="store_true", help="as an administrator, let clients address assertions to an endpoint")
    p.add_argument("--patience", type=float, default=120, help="seconds for one module")
    p.add_argument("config")
    p.add_argument("plans", nargs="+", metavar="plan")
    args = p.parse_args()
    with open(args.config, encoding="utf-8") as f:
        config = json.load(f)
    for plan in args.plans:
        walk(Suite(args.suite), args, plan, config)


if __name__ == "__main__":
    main()
