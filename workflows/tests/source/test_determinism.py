"""The reader of workflow code: what it warns of, and what it lets pass."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from types import ModuleType

import pytest
from django.core.checks import run_checks

from workflows import checks
from workflows.source.determinism import DEEPEST, Finding, read_workflow

HEAD = """
import asyncio, concurrent.futures, datetime as dt, http.client, os, random, secrets, shutil
import socket, subprocess, threading, time, urllib.request, uuid
from datetime import date, datetime, timedelta, timezone as tz
from os import environ
from pathlib import Path
from random import choice, random as chance
from time import sleep, time as clock
from uuid import uuid4, uuid5
import functools, itertools
import requests
import story_shop as shop
from os import listdir
from socket import gethostname
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core import cache as cache_module
from django.core.cache import cache, caches
from django.core.mail import send_mail
from django.db import connection, connections, transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.timezone import now
from workflows import api
from workflows.api import cancel, execute_action, get_run, send_event, start, step
from story_shop import Dated, Shop, price, priced

counter = 0
done, known, numbers = [], {}, itertools.count()
moment = dt.datetime.now
later = functools.partial(time.time)
pause = lambda: time.sleep(1)
everybody = Group.objects.all()
the_shop = Shop()

class Till:
    opened = 0
    tills = []

    def open(self): return self.count()
    def count(self): return time.time()
    def close(self): return 7

    @property
    def hour(self): return time.time()

    @staticmethod
    def of(): return Till()

    @classmethod
    def today(cls): return datetime.now()

class Door:
    def __init__(self): self.opened = time.time()

def till() -> Till: return Till()

@functools.cache
def remembered(): return time.time()

@step
def act(): return requests.get("https://example.org/")

def helper(run, given):
    return time.time()

def plain(given):
    return given + 1

@step
def load() -> Till: return Till()

def story(run, given):
"""
SHOP = """
import time
from dataclasses import dataclass
from django.conf import settings
from django.db import models
from django.utils import timezone

now = timezone.now

def price(given): return tax(given)

def tax(given): return given * settings.TAX

def priced(given): return given * 2

class Shop:
    def open(self): return time.time()
    def close(self): return 7

class Dated:
    made = time.time

@dataclass
class Order:
    shop: Shop
"""
SUSPECT = [
    ("moment()", "W001"),
    ("later()", "W001"),
    ("pause()", "W002"),
    ("shop.now()", "W001"),
    ("Dated.made()", "W001"),
    ("remembered()", "W001"),
    ("price(given)", "W016"),
    ("shop.price(given)", "W016"),
    ("from story_shop import price as other\nother(given)", "W016"),
    ("list(map(price, given))", "W016"),
    ("sorted(given, key=price)", "W016"),
    ("settings.TAX", "W016"),
    ("getattr(settings, 'TAX', 0)", "W016"),
    ("Till().open()", "W001"),
    ("desk = Till()\ndesk.open()", "W001"),
    ("till().open()", "W001"),
    ("Till.today()", "W001"),
    ("Till().hour", "W001"),
    ("run.step(load).open()", "W001"),
    ("desk = run.step(load)\nreturn desk.hour", "W001"),
    ("the_shop.open()", "W001"),
    ("order = shop.Order(shop=Shop())\norder.shop.open()", "W001"),
    ("def inner(desk: Till):\n    return desk.open()\ninner(given)", "W001"),
    ("Door()", "W001"),
    ("cache.get('a')", "W015"),
    ("cache_module.cache.get('a')", "W015"),
    ("caches['default'].get('a')", "W015"),
    ("'a' in cache", "W015"),
    ("act()", "W013"),
    ("[act() for each in given]", "W013"),
    ("list(map(act, given))", "W013"),
    ("start(given)", "W014"),
    ("start.using(key='a')(given)", "W014"),
    ("api.send_event(given, 'a')", "W014"),
    ("cancel(given)", "W014"),
    ("execute_action('a', key='a')", "W014"),
    ("get_run(given).state", "W014"),
    ("listdir('a')", "W004"),
    ("gethostname()", "W004"),
    ("connections['other'].cursor()", "W006"),
    ("get_object_or_404(Group, pk=given)", "W006"),
    ("list(everybody)", "W006"),
    ("User.objects.count()", "W006"),
    ("for each in {1, 2}: run.step(act, each)", "W012"),
    ("for each in set(given): run.step(act, each)", "W012"),
    ("names = {each for each in given}\n[run.step(act, each) for each in names]", "W012"),
    ("run.gather(*(run.call(act, each) for each in frozenset(given)))", "W012"),
    ("for each in set(given) - {1}: run.step(act, each)", "W012"),
    ("run.step(act, list({1, 2}))", "W012"),
    ("for at, each in enumerate(set(given)): run.step(act, each)", "W012"),
    ("run.step(act, '-'.join({'a', 'b'}))", "W012"),
    ("run.step(act, dict.fromkeys(set(given)))", "W012"),
    ("names: set[str] = set(given)\nrun.step(act, names.pop())", "W012"),
    ("run.gather(*{run.call(act), run.call(act)})", "W012"),
    ("run.step(act, [1, *set(given)])", "W012"),
    ("one, other = {1, 2}", "W012"),
    ("run.step(act, {each: 1 for each in set(given)})", "W012"),
    ("for each in set(given).union([1]): run.step(act, each)", "W012"),
    ("for each in given.keys() - {1}: run.step(act, each)", "W012"),
    ("done.append(1)", "W007"),
    ("known['a'] = 1", "W007"),
    ("del known['a']", "W007"),
    ("known.setdefault('a', 1)", "W007"),
    ("Till.opened += 1", "W007"),
    ("Till.tills.append(1)", "W007"),
    ("next(numbers)", "W007"),
    ("hash(given) % 2", "W003"),
    ("id(given)", "W003"),
    ("datetime.now()", "W001"),
    ("datetime.now(tz.utc)", "W001"),
    ("datetime.utcnow()", "W001"),
    ("dt.datetime.now()", "W001"),
    ("date.today()", "W001"),
    ("timezone.now()", "W001"),
    ("now()", "W001"),
    ("x = time.time()", "W001"),
    ("clock()", "W001"),
    ("time.monotonic()", "W001"),
    ("run.step(act, datetime.now())", "W001"),
    ("given.setdefault('at', now)", "W001"),
    ("helper(run, given)", "W001"),
    ("def inner():\n    return datetime.now()\nreturn inner()", "W001"),
    ("[datetime.now() for each in given]", "W001"),
    ("from time import time as t\nt()", "W001"),
    ("time.sleep(1)", "W002"),
    ("sleep(1)", "W002"),
    ("random.random()", "W003"),
    ("random.choice(given)", "W003"),
    ("choice(given)", "W003"),
    ("chance()", "W003"),
    ("uuid.uuid4()", "W003"),
    ("uuid.uuid1()", "W003"),
    ("str(uuid4())", "W003"),
    ("secrets.token_hex()", "W003"),
    ("os.urandom(8)", "W003"),
    ("import random as r\nr.randint(1, 6)", "W003"),
    ("os.environ['A']", "W004"),
    ("os.environ.get('A')", "W004"),
    ("environ.get('A')", "W004"),
    ("os.getenv('A')", "W004"),
    ("open('a')", "W004"),
    ("with open('a') as file:\n    pass", "W004"),
    ("Path('a').read_text()", "W004"),
    ("subprocess.run(['a'])", "W004"),
    ("shutil.rmtree('a')", "W004"),
    ("requests.get('https://example.org/')", "W005"),
    ("urllib.request.urlopen('https://example.org/')", "W005"),
    ("socket.create_connection(('a', 1))", "W005"),
    ("http.client.HTTPConnection('a')", "W005"),
    ("send_mail('a', 'b', 'c', ['d'])", "W005"),
    ("Group.objects.get(pk=given)", "W006"),
    ("Group.objects.filter(pk=given).update(name='a')", "W006"),
    ("given.save()", "W006"),
    ("given.delete()", "W006"),
    ("given.refresh_from_db()", "W006"),
    ("connection.cursor()", "W006"),
    ("with transaction.atomic():\n    pass", "W006"),
    ("global counter\ncounter += 1", "W007"),
    ("threading.Thread(target=act).start()", "W008"),
    ("concurrent.futures.ThreadPoolExecutor()", "W008"),
    ("asyncio.run(given)", "W008"),
]
INNOCENT = [
    "priced(given)",
    "shop.priced(given)",
    "Till().close(), the_shop.close()",
    "run.step(act), run.call(act), run.actions.save(pk=1), run.actions.cancel()",
    "run.start_child(given)",
    "price(given)  # workflows: ok",
    "isinstance(given, Till)",
    "importlib = given\nimportlib.reload()",
    "for each in sorted({1, 2}): run.step(act, each)",
    "total = sum(each for each in set(given))",
    "names = [1, 2]\nfor each in names: run.step(act, each)",
    "seen = set()\nseen.add(given)\nreturn given in seen",
    "run.step(act, {each for each in {1, 2}})",
    "names = {1, 2}\nreturn sorted(names - {1}), len(names), 1 in names, max(*names)",
    "stack = [1, 2]\nreturn stack.pop(), ', '.join(sorted({'a'}))",
    "found = []\nfound.append(1)\nfound[0] = 2\ndel found[0]",
    "desk = Till()\ndesk.opened = 1\ngiven.opened = 2",
    "known = {}\nknown['a'] = len(done)",
    "at = itertools.count()\nreturn next(at), known.get('a'), done[:1]",
    "run.data['a'] = 1\nrun.attributes.update(a=1)",
    "[counted.append(1) for counted in given]",
    "run.now()",
    "run.uuid(), run.random(), run.sleep(1)",
    "run.sleep_until(run.now() + timedelta(days=1))",
    "run.step(act)",
    "random = run.random()\nreturn random > 0.5",
    "now = run.now()\nreturn now.isoformat()",
    "datetime.fromisoformat(given)",
    "datetime(2026, 1, 1, tzinfo=tz.utc)",
    "uuid5(run.run_id, 'a')",
    "uuid.UUID(given)",
    "os.path.join('a', 'b')",
    "Path('a') / 'b'",
    "plain(given)",
    "given.update({'a': 1})",
    "run.data['open'] = True",
    "run.log.info('time.time()')",
    "try:\n    run.step(act)\nexcept requests.Timeout:\n    pass",
    "time.time()  # workflows: ok",
    "time.sleep(  # workflows: ok\n    1\n)",
    "count = 0\ndef more():\n    nonlocal count\n    count += 1\nmore()",
    "isinstance(given, Group)",
    "[each for each in (lambda time: [time.time])(given)]",
]


@pytest.mark.parametrize(("code", "expected"), SUSPECT)
def test_what_would_differ_at_a_replay_is_told_once(
    code: str, expected: str, tmp_path: Path
) -> None:
    found = findings(code, tmp_path)

    assert [finding.rule.id for finding in found] == [f"workflows.{expected}"]


@pytest.mark.parametrize("code", INNOCENT)
def test_what_replays_alike_is_let_pass(code: str, tmp_path: Path) -> None:
    assert findings(code, tmp_path) == []


def test_a_finding_names_file_and_line_and_a_check_says_what_to_use_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [finding] = findings("pass\ntime.sleep(5)", tmp_path)
    monkeypatch.setattr(checks, "read_workflow", lambda function: [finding])
    monkeypatch.chdir(tmp_path)

    told = checks.check_workflows()

    line = len(HEAD.splitlines()) + 2
    assert [str(each.msg).split(": ")[0] for each in told] == [f"story_module.py:{line}"]
    assert "(time.sleep)" in told[0].msg and "run.sleep" in str(told[0].hint)
    assert told[0].id == "workflows.W002"


def test_a_function_without_a_source_is_passed_over() -> None:
    space: dict[str, ModuleType] = {}
    exec("import time\ndef story(run): time.sleep(1)", space)

    assert read_workflow(space["story"]) == []  # type: ignore[arg-type]


def test_the_workflows_of_this_repository_give_no_warning() -> None:
    importlib.import_module("bench.flows")

    told = [each for each in run_checks() if str(each.id).startswith("workflows.W")]

    assert [each.msg for each in told if not re.search(r"[/.]tests[/.]", each.msg)] == []


def test_a_finding_behind_calls_says_the_way_there(tmp_path: Path) -> None:
    [finding] = findings("price(given)", tmp_path)

    assert finding.through == ("tax", "price")
    assert Path(finding.file).name == "story_shop.py"


def test_functions_that_call_each_other_are_read_once(tmp_path: Path) -> None:
    [finding] = findings("def again(): return again() or helper(run, given)\nagain()", tmp_path)

    assert finding.rule.id == "workflows.W001"


def test_calls_are_followed_to_a_depth_and_no_further(tmp_path: Path) -> None:
    def chain(length: int) -> str:
        calls = [f"def f{each}(): return f{each + 1}()" for each in range(length)]
        return "\n".join([*calls, f"def f{length}(): return time.time()"])

    near, far = chain(DEEPEST - 1), chain(DEEPEST)

    assert len(findings("f0()", tmp_path, near)) == 1
    assert findings("f0()", tmp_path, far) == []


def test_installed_packages_and_django_are_not_read(tmp_path: Path) -> None:
    code = "import django.utils.cache\ndjango.utils.cache.patch_response_headers(given)"

    assert findings(code, tmp_path) == []


def test_nothing_is_imported_and_no_code_runs_to_be_read(tmp_path: Path) -> None:
    code = "import story_never\nstory_never.price(given)\nlazy.price(), asked.price()"
    above = """
from django.utils.functional import SimpleLazyObject
def refuse(): raise AssertionError("it was asked")
lazy = SimpleLazyObject(refuse)
class Asked:
    def __getattr__(self, name): raise AssertionError("it was asked")
asked = Asked()
"""
    (tmp_path / "story_never.py").write_text("raise AssertionError('it was imported')")

    assert findings(code, tmp_path, above) == []


@pytest.fixture(autouse=True)
def _forget_the_shop() -> Iterator[None]:
    yield
    sys.modules.pop("story_shop", None)


def findings(code: str, folder: Path, above: str = "") -> list[Finding]:
    (folder / "story_shop.py").write_text(SHOP)
    head, story = HEAD.split("def story(run, given):")
    text = f"{head}{above}\n\ndef story(run, given):{story}" if above else HEAD
    (folder / "story_module.py").write_text(text + indent(code, "    ") + "\n")
    module_at(folder, "story_shop")
    return read_workflow(module_at(folder, "story_module").story)


def module_at(folder: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if name != "story_module":
        sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
