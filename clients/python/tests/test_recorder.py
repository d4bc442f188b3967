"""What a recording says about code, case by case, and the file it leaves."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tenor import Event
from tenor.sealing.executor import SENTINEL
from tenor.testing import experiments, pacts
from tenor.testing.experiments import Recorder
from tenor.testing.places import PLACEHOLDER, erased_at, of_schema
from tenor.testing.watching import Watch, watched

pytest_plugins = ["pytester"]

ORDER: dict[str, Any] = {"id": "A1", "status": "PAID", "total": 3, "note": "x", "lines": [{"price": 2, "count": 1}]}
Need = dict[str, Any]


def needs(handler: Callable[[Any], Any], *samples: Any, **options: Any) -> dict[str, Need]:
    recorded = Recorder(handler, **options).record(samples or (ORDER,))
    return {path: pacts.need(path, finding) for path, finding in recorded.findings.items()}


def taken(order: Any) -> Any:
    return order["total"] + 1


def asked(order: Any) -> Any:
    return (order.get("total") or 0) + 1


def looked_for(order: Any) -> Any:
    return order["total"] + 1 if "total" in order else 0


def popped(order: Any) -> Any:
    return order.pop("total", 3) + 1


def copied(order: Any) -> Any:
    return copy.deepcopy(order)["total"] + 1


def spread(order: Any) -> Any:
    return dict(**order)["total"] + 1


def serialised(order: Any) -> Any:
    return json.loads(json.dumps(order))["total"] + 1


REQUIRED = ("required", "fails")
TOTALS = [
    (taken, REQUIRED),
    (asked, ("optional", "changes")),
    (looked_for, ("optional", "changes")),
    (popped, ("optional", "same")),
    (copied, REQUIRED),
    (spread, REQUIRED),
    (serialised, REQUIRED),
]


@pytest.mark.parametrize(("handler", "expected"), TOTALS, ids=lambda case: getattr(case, "__name__", ""))
def test_how_a_key_is_read_decides_whether_it_is_needed(
    handler: Callable[[Any], Any], expected: tuple[str, str]
) -> None:
    need = needs(handler)["/total"]
    assert (need["presence"], need["when"]["absent"]) == expected
    assert {"integer", "number"} <= set(need["types"])
    assert "string" not in need["types"]


def test_what_is_not_touched_is_not_needed() -> None:
    assert needs(taken).keys() == {"/total"}


def test_what_is_passed_along_may_be_of_any_type() -> None:
    need = needs(lambda order: {"id": order["id"]})["/id"]
    assert "types" not in need
    assert need["when"] == {"absent": "fails", "erased": "changes", "null": "changes"}


def matched(order: Any) -> Any:
    match order["status"]:
        case "PAID":
            return "done"
        case "OPEN":
            return "wait"
        case other:
            raise ValueError(other)


def with_else(order: Any) -> Any:
    return "done" if order["status"] == "PAID" else "wait"


def looked_up(order: Any) -> Any:
    return {"PAID": "done", "OPEN": "wait"}[order["status"]]


def in_a_set(order: Any) -> Any:
    return order["status"] in {"PAID", "OPEN"}


def as_a_key(order: Any) -> Any:
    return {order["status"]: 1}


OPEN = {**ORDER, "status": "OPEN"}
STATUSES = [
    (matched, ["OPEN", "PAID"], "fails"),
    (looked_up, ["OPEN", "PAID"], "fails"),
    (with_else, None, "same"),  # as OPEN, which it does not single out either
    (in_a_set, ["OPEN", "PAID"], "changes"),
    (as_a_key, None, "same"),
]


@pytest.mark.parametrize(("handler", "values", "other"), STATUSES, ids=lambda case: getattr(case, "__name__", ""))
def test_symbols_that_are_handled(handler: Callable[[Any], Any], values: list[str] | None, other: str) -> None:
    need = needs(handler, ORDER, OPEN)["/status"]
    assert need.get("values") == values
    assert need.get("fallback", True) is (values is None)
    assert need["when"]["other"] == other


def refused(order: Any) -> Any:
    assert order["status"] != "BAD"


LABELS = {"PAID": "done", "OPEN": "wait", "GONE": "over"}


def by_table(order: Any) -> Any:
    return LABELS[order["status"]]


def test_a_symbol_that_the_code_knows_and_refuses_leaves_the_others_unknown() -> None:
    need = needs(refused, ORDER, OPEN)["/status"]
    assert (need["values"], need["fallback"], "other" in need["when"]) == (["OPEN", "PAID"], False, False)


def test_symbols_of_a_row_of_comparisons_are_handled() -> None:
    def handle(order: Any) -> Any:
        if order["status"] not in ("PAID", "OPEN", "GONE"):
            raise ValueError(order["status"])

    assert needs(handle)["/status"]["values"] == ["GONE", "OPEN", "PAID"]


def test_symbols_of_a_table_are_handled_though_no_sample_has_them() -> None:
    assert needs(by_table, ORDER)["/status"]["values"] == ["GONE", "OPEN", "PAID"]


BEHIND: list[Callable[[Any], Any]] = [
    lambda order: order["note"] if order["status"] == "GONE" else 1,
    lambda order: order["note"] if order["total"] > 10_000 else 1,
    lambda order: order["note"] if order["total"] + 0.5 < -10 or order["total"] == 77 else 1,
    lambda order: order["note"] if not order["lines"] else 1,
    lambda order: order["note"] if order["id"] == "so" and order["status"] == "GONE" else 1,
]


@pytest.mark.parametrize("handler", BEHIND)
def test_what_is_read_only_for_certain_values_is_needed(handler: Callable[[Any], Any]) -> None:
    need = needs(handler)["/note"]
    assert (need["presence"], need["when"]["absent"]) == ("required", "fails")


def test_samples_with_null_do_not_refuse_the_objects_of_others() -> None:
    def handle(order: Any) -> Any:
        return None if order["payer"] is None else order["payer"]["name"]

    found = needs(handle, {"payer": None}, {"payer": {"name": "x"}})
    assert found["/payer"]["types"] == ["null", "object"]
    assert found["/payer/name"]["presence"] == "required"


def test_numbers_may_be_infinite() -> None:
    assert "number" not in needs(lambda order: int(order["total"]))["/total"]["types"]
    assert "number" in needs(lambda order: order["total"] * 2)["/total"]["types"]


def test_items_are_needed_where_they_are() -> None:
    found = needs(lambda order: sum(line["price"] * line.get("count", 1) for line in order["lines"]))
    assert found["/lines"]["types"] == ["array"]
    assert found["/lines/*"]["types"] == ["object"]
    assert found["/lines/*/price"]["presence"] == "required"
    assert found["/lines/*/count"] == {
        "path": "/lines/*/count",
        "presence": "optional",
        "types": ["boolean", "integer", "number"],
        "when": {"absent": "same", "erased": "changes", "null": "fails"},
    }


@dataclass
class Order:
    id: str
    total: int
    note: str | None = None


class Struct(msgspec.Struct):
    id: str
    total: int
    note: str | None = None


@pytest.mark.parametrize("made", [Order("A1", 3), Struct("A1", 3)], ids=["dataclass", "msgspec"])
def test_objects_are_watched_like_dicts(made: Any) -> None:
    def handle(order: Any) -> Any:
        assert isinstance(order, type(made))
        return order.total + 1

    found = needs(handle, made)
    assert found.keys() == {"/total"}
    assert "string" not in found["/total"]["types"]


def test_a_coroutine_is_run() -> None:
    async def handle(order: Any) -> Any:
        return order["total"] + 1

    assert needs(handle)["/total"]["presence"] == "required"


def test_effects_are_compared_too() -> None:
    written: list[Any] = []
    found = needs(lambda order: written.append(order.get("note")), observe=lambda: list(written), before=written.clear)
    assert found["/note"]["when"]["absent"] == "changes"
    assert needs(lambda order: order.get("note") and None)["/note"]["when"]["absent"] == "same"


def test_code_that_touches_the_event_and_was_never_reached_is_named() -> None:
    def handle(order: Any) -> Any:
        total = order["total"]
        if total == "never so":
            return order["secret"]
        unrelated = 1
        if unrelated == 2:
            return "this has nothing to do with the event"
        return total

    missed = Recorder(handle).record([ORDER]).lines.missed()
    assert [line - handle.__code__.co_firstlineno for _, line in missed] == [3]
    assert not Recorder(matched).record([ORDER]).lines.missed()


def test_code_behind_what_every_sample_lacks_is_named() -> None:
    def handle(order: Any) -> Any:
        extra = order.get("extra")
        if extra:
            return extra["deep"]
        return 1

    missed = Recorder(handle).record([ORDER]).lines.missed()
    assert [line - handle.__code__.co_firstlineno for _, line in missed] == [3]


@pytest.mark.parametrize("limit", ["MOST_RUNS", "MOST_BASELINES"])
def test_what_was_not_tried_any_more_is_told(limit: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def reasons() -> list[str]:
        found = Recorder(BEHIND[0]).record([ORDER])
        told: list[str] = pacts.interaction("x", "orders-value", found, ORDER, tmp_path)["comments"]["tenor"]["reasons"]
        return told

    assert reasons() == []
    monkeypatch.setattr(experiments, limit, 1)
    assert [reason.partition(":")[0] for reason in reasons()] == ["not all was tried"]


def test_a_sample_that_fails_is_told() -> None:
    recorded = Recorder(lambda order: order["missing"]).record([ORDER])
    assert recorded.failed == ["KeyError: 'missing'"]


def test_the_sample_is_left_alone() -> None:
    before = copy.deepcopy(ORDER)

    def handle(order: Any) -> None:
        order["lines"].clear()
        order["id"] = "other"

    Recorder(handle).record([ORDER])
    assert before == ORDER


@pytest.mark.parametrize(
    ("touched", "known", "expected"),
    [
        ("/prices/EUR", {"/prices", "/prices/*"}, "/prices/*"),
        ("/prices/EUR/net", {"/prices/*/net"}, "/prices/*/net"),
        ("/lines/*/sku", {"/lines", "/lines/*", "/lines/*/sku"}, "/lines/*/sku"),
        ("/a/b", set(), "/a/b"),
    ],
)
def test_keys_of_maps_are_no_fields(touched: str, known: set[str], expected: str) -> None:
    assert of_schema(touched, frozenset(known)) == expected


def test_watched_values_behave_as_they_are() -> None:
    event = watched(ORDER, Watch())
    assert event == ORDER
    assert {**event} == ORDER
    assert event | {"id": 2} == ORDER | {"id": 2}
    assert sorted(event) == sorted(ORDER)
    assert next(iter(event["lines"]))["price"] + 1 == 3
    assert f"{event['id']}-{event['total']:03}" == "A1-003"
    assert event["id"].lower() == "a1"
    assert isinstance(event["total"], int)
    assert "A1" == event["id"] != "B"
    made = watched(Order("A1", 3), Watch())
    assert isinstance(made, Order)
    assert dataclasses.asdict(made)["total"] == 3


# --- the fixture and its file ---------------------------------------------------------------------------------------

CODE = """
    def handle(order):
        return {"id": order["id"], "state": {"PAID": "done", "OPEN": "wait"}[order["status"]]}
"""
TEST = """
    from billing import handle
    SAMPLES = [{"id": "A1", "status": "PAID", "more": 1}, {"id": "A2", "status": "OPEN", "more": 2}]
    def test_invoices(tenor_events):
        tenor_events("orders-value", handle, samples=SAMPLES, provider="orders")
    def test_reminders(tenor_events):
        tenor_events("orders-value", lambda order: order["id"], samples=SAMPLES, provider="orders")
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only our plugin: loading all the others takes seconds each time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\ntenor_application = billing\n")
    pytester.makepyfile(billing=CODE, test_billing=TEST)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # A process of its own: this one may be traced, and has the plugin already.
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "tenor.testing.plugin", *arguments)


def test_a_contract_is_recorded_committed_and_held(project: pytest.Pytester) -> None:
    missing = run(project)
    missing.assert_outcomes(failed=2)
    missing.stdout.fnmatch_lines(["*no contract 'test_invoices': pytest --tenor-record writes it*"])
    run(project, "--tenor-record").assert_outcomes(passed=2)
    path = project.path / "contracts" / "billing-orders.json"
    text = path.read_text()
    pact = json.loads(text)
    assert [each["description"] for each in pact["interactions"]] == ["test_invoices", "test_reminders"]
    assert pact["metadata"]["pactSpecification"]["version"] == "4.0"
    run(project).assert_outcomes(passed=2)
    path.write_text(text.replace('"recorded": "20', '"recorded": "19'))
    run(project, "--tenor-record").assert_outcomes(passed=2)
    assert '"recorded": "19' in path.read_text()  # nothing new: the file does not change
    project.makepyfile(billing=CODE.replace('order["id"]', 'order["id"] + order["more"]'))
    changed = run(project)
    changed.assert_outcomes(failed=1, passed=1)
    changed.stdout.fnmatch_lines(["*is not what the code relies on*", "*now used: /more*"])


def test_workers_of_xdist_write_one_file(project: pytest.Pytester) -> None:
    run(project, "-p", "xdist.plugin", "--tenor-record", "-n", "2", "--dist", "load").assert_outcomes(passed=2)
    path = project.path / "contracts" / "billing-orders.json"
    assert len(json.loads(path.read_text())["interactions"]) == 2
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_who_the_consumer_is_must_be_said(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(billing=CODE, test_billing=TEST)
    run(pytester).stdout.fnmatch_lines(["*tenor_application = NAME*"])


# Erased values

CUSTOMER: dict[str, Any] = {
    "id": "c-1",
    "email": "ada@example.org",
    "age": 36,
    "token": b"x",
    "born": date(1815, 12, 10),
    "names": ["Ada", None],
}


def mailed(customer: Any) -> Any:
    return {"to": customer["email"]}


def split(customer: Any) -> Any:
    return customer["email"].split("@")[1]


def counted(customer: Any) -> Any:
    return len([customer["email"]])


def compared(customer: Any) -> Any:
    return None if customer["email"] == "[erased]" else {"domain": customer["email"].split("@")[1]}


def matched_erased(customer: Any) -> Any:
    match customer["email"]:
        case "[erased]":
            return None
        case address:
            return address.split("@")[1]


DID = [(mailed, "changes"), (split, "fails"), (counted, "same"), (compared, "handled"), (matched_erased, "handled")]


@pytest.mark.parametrize(("handler", "did"), DID, ids=lambda case: getattr(case, "__name__", ""))
def test_what_code_does_with_an_erased_text(handler: Callable[[Any], Any], did: str) -> None:
    need = needs(handler, CUSTOMER)["/email"]
    assert need["when"]["erased"] == did
    assert "values" not in need, "asking whether it was erased makes no enum of it"


def test_an_event_tells_which_paths_were_erased() -> None:
    def handle(event: Any) -> Any:
        if "email" in event.erased:
            return {"id": event.data["id"]}
        return {"domain": event.data["email"].split("@")[1], "age": event.data["age"] + 1}

    recorded = Recorder(handle).record([Event(CUSTOMER, None), Event({**CUSTOMER, "email": "b@c"}, None)])
    assert not recorded.failed
    found = {path: pacts.need(path, finding)["when"]["erased"] for path, finding in recorded.findings.items()}
    # What is only read once something was erased is needed as well.
    assert found == {"/id": "changes", "/email": "handled", "/age": "changes"}
    assert not recorded.lines.missed()
    one = pacts.interaction("a customer", "customers", recorded, Event(CUSTOMER, None), Path.cwd())
    assert one["contents"]["content"] == {"id": "c-1", "email": "ada@example.org", "age": 36}


ALL: list[Callable[[Any], Any]] = [
    lambda event: None if event.erased else event.data["email"].upper(),
    lambda event: None if len(event.erased) > 0 else event.data["email"].upper(),
    lambda event: event.data["email"].upper() if event.erased == () else None,
    lambda event: None if any(path == "email" for path in event.erased) else event.data["email"].upper(),
    lambda event: None if "email" in copy.deepcopy(event).erased else event.data["email"].upper(),
]


@pytest.mark.parametrize("handler", ALL)
def test_however_it_is_asked_it_is_noticed(handler: Callable[[Any], Any]) -> None:
    assert needs(handler, Event(CUSTOMER, None))["/email"]["when"]["erased"] == "handled"


def test_asking_about_one_path_is_no_answer_for_another() -> None:
    def handle(event: Any) -> Any:
        return None if "id" in event.erased else {"id": event.data["id"], "to": event.data["email"]}

    found = needs(handle, Event(CUSTOMER, None))
    assert (found["/id"]["when"]["erased"], found["/email"]["when"]["erased"]) == ("handled", "changes")


LEFT: dict[str, tuple[Any, set[str], bool]] = {
    "email": ("[erased]", {"email"}, False),
    "age": (0, {"age"}, False),
    "token": (b"", {"token"}, False),
    "born": (date(1970, 1, 1), {"born"}, False),
    "names/*": (["[erased]", None], {"names"}, False),
    "names": (["[erased]", None], {"names"}, True),
    "place": ({"a/b": "[erased]", "flats": [{"no": 0}]}, {"place.a/b", "place.flats.no"}, True),
    "place/a~1b": ({"a/b": "[erased]", "flats": [{"no": 7}]}, {"place.a/b"}, False),
    "gone": (None, set(), False),
}


@pytest.mark.parametrize(("path", "left"), LEFT.items())
def test_what_is_left_is_what_decoding_gives(path: str, left: tuple[Any, set[str], bool]) -> None:
    before = {**CUSTOMER, "place": {"a/b": "x", "flats": [{"no": 7}]}, "gone": None}
    event, paths, whole = erased_at(before, path.split("/"))
    assert (event[path.partition("/")[0]], paths, whole) == left
    assert before["place"] == {"a/b": "x", "flats": [{"no": 7}]}
    assert PLACEHOLDER == SENTINEL


def test_what_is_taken_as_a_whole_is_tried_as_a_whole() -> None:
    event = {"id": "c-1", "place": {"street": "x", "city": "y"}}
    found = needs(lambda event: {"place": event["place"]}, event)
    assert found["/place"]["when"]["erased"] == "changes"
    found = needs(lambda event: event["place"]["city"], event)
    assert "erased" not in found["/place"]["when"], "what is inside says more"
    assert found["/place/city"]["when"]["erased"] == "changes"

    def asks(event: Any) -> Any:
        return None if "place.street" in event.erased else str(event.data["place"])

    assert needs(asks, Event(event, None))["/place"]["when"]["erased"] == "handled"


BODIES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda order: order["id"], "fails"),
    (lambda order: None if order is None else order["id"], "handled"),
    (lambda order: None, "same"),
]


@pytest.mark.parametrize(("handler", "did"), BODIES)
def test_an_event_of_which_nothing_is_left(handler: Callable[[Any], Any], did: str) -> None:
    for sample, handle in (
        (CUSTOMER, handler),
        (Event(CUSTOMER, None), lambda event: handler(event.data)),
    ):
        recorded = Recorder(handle).record([sample])
        (need, *_) = pacts.interaction("x", "s", recorded, sample, Path.cwd())["comments"]["tenor"]["needs"]
        assert need == {"path": "", "presence": "required", "when": {"erased": did}}
        stated = pacts.interaction("x", "s", recorded, sample, Path.cwd(), may_miss=True)
        assert stated["comments"]["tenor"]["needs"][0]["when"] == {"absent": "same", "erased": did}
