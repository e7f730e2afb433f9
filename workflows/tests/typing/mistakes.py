# mypy: ignore-errors
# ruff: noqa: B018, RUF059
"""Planted mistakes. Never imported: type checkers read it, and must find each line marked
"# wrong:", and no other."""

from dataclasses import dataclass
from typing import assert_type

from workflows.api import (
    ChildFailed,
    ChildHandle,
    Context,
    Event,
    StepFailed,
    action,
    send_event,
    start,
    step,
    workflow,
)


@dataclass
class Address:
    city: str
    number: int


@step
def price(shop: str) -> int:
    return len(shop)


@step(atomic=True)
def greet(name: str, *, loud: bool = False) -> str:
    return name.upper() if loud else name


@step
def cheapest(*prices: int) -> int:
    return min(prices)


@action("send_letter")
def send_letter(recipient: str, copies: int = 1) -> str:
    return recipient * copies


def undecorated(shop: str) -> int:
    return len(shop)


@workflow("mistakes.invoice")
def invoice(run: Context, customer: str, copies: int = 1) -> str:
    return customer * copies


@workflow("mistakes.order", events={"address": Address})
def order(run: Context, order_id: int) -> bool:
    return order_id > 0


@step
async def fetch(url: str) -> bytes:
    return url.encode()


@step(timeout_seconds=5)
async def fetch_patiently(url: str) -> bytes:
    return await fetch(url)


@workflow("mistakes.no_run")  # wrong: takes no run
def no_run(order_id: int) -> None: ...


@workflow("mistakes.value", events={"address": Address("", 1)})  # wrong: a value
def by_value(run: Context) -> None: ...


@workflow("mistakes.misspelt", versoin=2)  # wrong: misspelt
def misspelt(run: Context) -> None: ...


def from_outside() -> None:
    start(order)  # wrong: order_id is missing
    start(order, order_id="seven")  # wrong: no int
    start(order, oder_id=7)  # wrong: misspelt
    start(order, order_id=7, note="")  # wrong: one too many
    start(order, "seven")  # wrong: no int, by place
    start(price, shop="Ghent")  # wrong: a step
    start(undecorated, shop="Ghent")  # wrong: no workflow
    start(order, key=7, order_id=7)  # wrong: a key is a text
    start(order, deadline_seconds="soon", order_id=7)  # wrong: no number
    start(order, priority="high", order_id=7)  # wrong: no number
    start.using(priority=1.5)(order, order_id=7)  # wrong: no whole number
    start(order, tenant=7, order_id=7)  # wrong: no text
    start.using(tenant=7)(order, order_id=7)  # wrong: no text
    start.using(key="k")(order, order_id="seven")  # wrong: no int
    start.using(key="k")(order)  # wrong: order_id is missing
    start.using(kye="k")(order, order_id=7)  # wrong: misspelt
    start.using(key="k", deadline_seconds="1")(order, order_id=7)  # wrong: no number
    start(order, order_id=7).stat  # wrong: misspelt
    send_event(7, "address")  # wrong: no id
    start(order, order_id=7)
    start(order, 7)
    start(order, key="k", order_id=7)
    start(order, deadline_seconds=60, order_id=7)
    start(order, priority=3, order_id=7)
    start(order, key="k", deadline_seconds=60, priority=3, order_id=7)
    start.using(priority=3)(order, order_id=7)
    start(order, tenant="ann", order_id=7)
    start.using(tenant="ann")(order, order_id=7)
    start.using(key="k", deadline_seconds=60)(order, order_id=7)
    start("mistakes.order", order_id=7)
    start("mistakes.order", key="k", order_id=7)
    start.using(key="k")("mistakes.order", order_id=7)


@workflow("mistakes.steps")
def steps(run: Context, shops: list[str]) -> int:
    run.step(price, 7)  # wrong: no text
    run.step(price)  # wrong: shop is missing
    run.step(undecorated, "Ghent")  # wrong: no step
    run.step(invoice, run, "ann")  # wrong: a workflow
    run.step(price("Ghent"))  # wrong: its result
    run.step(price, "Ghent").upper()  # wrong: an int
    run.step(fetch, 7)  # wrong: no text
    run.step(fetch)  # wrong: url is missing
    run.step(fetch, "/") + 1  # wrong: bytes
    fetch("/").decode()  # wrong: not awaited
    run.step(send_letter, recipent="ann")  # wrong: misspelt
    run.sleep("1 h")  # wrong: no number
    run.status = "late"  # wrong: set_status
    assert_type(run.step(price, "Ghent"), int)
    assert_type(run.step(fetch, "/"), bytes)
    assert_type(run.step(fetch_patiently, "/"), bytes)
    assert_type(run.step(send_letter, recipient="ann", copies=2), str)
    return run.step(greet, "ann")  # wrong: a text


@workflow("mistakes.together")
def together(run: Context, shops: list[str]) -> list[int]:
    run.call(price, 7)  # wrong: no text
    run.call(price)  # wrong: shop is missing
    run.call(undecorated, "Ghent")  # wrong: no step
    run.call(greet, "ann", lout=True)  # wrong: misspelt
    run.call(price, "Ghent", after=7)  # wrong: no name
    run.call.using(after="here")(price, 7)  # wrong: no text
    run.call.using(after="here")(price)  # wrong: shop is missing
    run.gather(price)  # wrong: no call
    run.gather(run.call(price, "Ghent"), on_error="go on")  # wrong: no such choice
    run.graph({"here": price})  # wrong: no call
    run.graph([run.call(price, "Ghent")])  # wrong: no mapping
    here, name = run.gather(run.call(price, "Ghent"), run.call(greet, "ann"))
    here.upper()  # wrong: an int
    name / 2  # wrong: a text
    a, b, c = run.gather(run.call(price, "Ghent"), run.call(greet, "ann"))  # wrong: two
    tried = run.gather(run.call(price, "Ghent"), run.call(greet, "ann"), on_error="continue")
    tried[0] + 1  # wrong: perhaps StepFailed
    assert_type(here, int)
    assert_type(name, str)
    assert_type(tried, tuple[int | StepFailed, str | StepFailed])
    first = run.call(price, "Ghent")
    best = run.call.using(after="first")(cheapest, run.output("first"), 3)
    found = run.graph({"first": first, "best": best}, limit=2)
    found.of(best).upper()  # wrong: an int
    assert_type(found.of(best), int)
    run.call(price, "Ghent", after=["first"])
    run.call(fetch, 7)  # wrong: no text
    run.call.using(after="here")(fetch, 7)  # wrong: no text
    assert_type(run.gather(run.call(fetch, "/"), run.call(price, "Ghent")), tuple[bytes, int])
    many = run.gather(*[run.call(price, shop) for shop in shops], on_error="continue")
    assert_type(many, list[int | StepFailed])
    run.gather(*[run.call(price, shop) for shop in shops]).add(1)  # wrong: a list
    return run.gather(*[run.call(greet, shop) for shop in shops])  # wrong: texts


@workflow("mistakes.children")
def children(run: Context, customers: list[str]) -> list[int]:
    run.start_child(invoice)  # wrong: customer is missing
    run.start_child(invoice, customer=7)  # wrong: no text
    run.start_child(price, shop="Ghent")  # wrong: a step
    run.start_child.using(detached=True)(invoice, customr="ann")  # wrong: misspelt
    run.start_child.using(detached="yes")(invoice, customer="ann")  # wrong: no bool
    run.start_child.using(priority="high")(invoice, customer="ann")  # wrong: no number
    run.start_child.using(priority=3)(invoice, customr="ann")  # wrong: misspelt
    run.map([run.child(invoice, customer="ann")], priority="high")  # wrong: no number
    run.start_child(invoice, customer="ann").result() + 1  # wrong: a text
    run.start_child(invoice, customer="ann").result(timeout_seconds="1")  # wrong: no number
    run.child(invoice, customer=7)  # wrong: no text
    run.map([run.child(invoice, costumer=each) for each in customers])  # wrong: misspelt
    run.map(invoice, ["ann"])  # wrong: no dictionaries
    run.map(price, [{"shop": "Ghent"}])  # wrong: a step
    run.map(invoice, [{"customer": "ann"}], limt=2)  # wrong: misspelt
    run.wait_any(child="ann")  # wrong: no handle
    assert_type(run.start_child(invoice, customer="ann"), ChildHandle[str])
    assert_type(run.start_child(invoice, "ann", copies=2).result(), str)
    assert_type(run.start_child(invoice, detached=True, customer="ann").result(), str)
    assert_type(run.start_child(invoice, priority=3, customer="ann").result(), str)
    assert_type(run.start_child.using(priority=3)(invoice, customer="ann").result(), str)
    assert_type(run.map([run.child(invoice, customer="ann")], priority=3), list[str])
    assert_type(run.start_child.using(detached=True)(order, order_id=7).result(), bool)
    assert_type(run.map([run.child(invoice, customer=each) for each in customers]), list[str])
    run.start_child("mistakes.invoice", customer="ann", detached=True)
    run.map("mistakes.invoice", [{"customer": "ann"}], limit=2)
    calls = [run.child(invoice, customer=each) for each in customers]
    assert_type(run.map(calls, limit=2, on_error="continue"), list[str | ChildFailed])
    run.map(calls, on_error="compensate")  # wrong: a map undoes nothing
    return run.map(invoice, [{"customer": each} for each in customers])  # wrong: texts


@workflow("mistakes.waits")
def waits(run: Context) -> str:
    run.wait_event("address", type=Address).town  # wrong: misspelt
    run.wait_event("address", type=Address, timeout_seconds=60).city  # wrong: perhaps None
    run.wait_event("address", type=Address(city="", number=1))  # wrong: no type
    run.wait_event("address", timeout="1 h")  # wrong: misspelt
    run.wait_event(["go", "stop"], timeout_seconds=60).name  # wrong: perhaps None
    run.wait_event(["go", "stop"]).nam  # wrong: misspelt
    assert_type(run.wait_event("address", type=Address), Address)
    assert_type(run.wait_event("address", type=Address, timeout_seconds=60), Address | None)
    assert_type(run.wait_event("count", type=int), int)
    assert_type(run.wait_event("names", type=list[str]), list[str])
    assert_type(run.wait_event("go", "stop"), Event)
    assert_type(run.wait_event(["go"], timeout_seconds=60), Event | None)
    return run.wait_event("address", type=Address)  # wrong: an Address
