"""The worked can-i-deploy examples: given, asked, answered. Shared by the pure tests and the ones over HTTP.

`reasons` and `warnings` are class names of `contracts.verdict`; `counts` are success, failed, unknown, ignored;
`rows` are `consumer@version-provider@version result` with `?` for no result and no provider version. `reference`
holds the reference broker's answer where ours differs (`Soundness.REFERENCE` gives it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OK, NODEPS, NEVER, FAILED, NOVER = "AllVerified", "NothingToCheck", "NeverVerified", "Failed", "VersionMissing"
W_ENV, W_NUM, W_IGN = "NoDestination", "NoVersionNumber", "IgnoreUnmatched"
TO_PROD = "tag=prod&latest=true&latestby=cvp"


def q(*selectors: str) -> str:
    """`q("Foo@1", "Bar latest prod")` as query parameters; `Foo` alone is any version."""
    parts: list[str] = []
    for selector in selectors:
        name, *words = selector.split(" ")
        application, _, version = name.partition("@")
        parts.append(f"q[][pacticipant]={application}")
        if version:
            parts.append(f"q[][version]={version}")
        if words:
            parts.append("q[][latest]=true")
        if len(words) > 1:
            parts.append(f"q[][tag]={words[1]}")
    return "&".join(parts)


@dataclass(frozen=True)
class Example:
    id: str
    given: str
    asked: str
    deployable: bool | None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] | None = None
    counts: tuple[int, int, int, int | None] | None = None
    integrations: int | None = None
    resolved: int | None = None
    rows: tuple[str, ...] | None = None
    words: tuple[str, ...] = ()
    reference: dict[str, Any] = field(default_factory=dict)


def env(name: str) -> str:
    return f"environment={name}&latestby=cvpv"


G1 = "Foo@1[dev] -> Bar: ok(Bar@10[prod]); dep(Bar@10,production)"
G2 = (
    "Foo@1 -> Bar: ok(Bar@10); Foo@2{main} -> Bar: FAIL(Bar@20); Foo@3{main} -> Bar; Foo@3 -> Baz: ok(Baz@30);"
    "dep(Baz@30,production)"
)
G3 = "A@1 -> B: FAIL(B@1) ok(B@1) ok(B@2); A@1 -> C: ok(C@1); A@2 -> C: ok(C@3); A@2 -> B"
T, F, N = True, False, None

EXAMPLES = (
    # 4.1 tag destination
    Example("T1", "foo@1 -> bar: ok(bar@2[prod])", f"{q('foo')}&{TO_PROD}", T, (OK,), (W_NUM,), (1, 0, 0, N), 1, 2),
    Example("T2", "Foo@1 -> Bar; Foo@1 -> Baz", f"{q('Foo@1')}&{TO_PROD}", N, (NEVER, NEVER), (), (0, 0, 2, N), 2, 3),
    Example(
        "T3",
        "Foo@1 -> Bar: ok(Bar@2[prod]); Foo@2 -> Bar: ok(Bar@3); Foo@2 -> Wiffle: ok(Wiffle@10)",
        f"{q('Foo@1')}&{TO_PROD}",
        T,
        (OK,),
        (),
        (1, 0, 0, N),
        1,
    ),
    Example("T4", "Foo@1 -> Bar: ok(Bar@2)", f"{q('Bar@2')}&{TO_PROD}", T, (NODEPS,)),
    Example("T5", "Foo@1 -> Bar: ok(Bar@2); Bar@2 -> Baz", f"{q('Bar@2')}&{TO_PROD}", N, (NEVER,), words=("Baz",)),
    Example("T6", "Foo@1 -> Bar; version(Bar@2)", f"{q('Bar@2')}&{TO_PROD}", T, (NODEPS,)),
    Example("T7", "B@100 -> A: ok(A@99); A@1 -> B: ok(B@100)", f"{q('A@1', 'B@100')}&latestby=cvpv", N, (NEVER,)),
    Example(
        "T8",
        "Foo@1[prod] -> Bar: ok(Bar@2); Foo@2[prod] -> Bar: ok(Bar@2); Foo@3 -> Bar: FAIL(Bar@2);"
        "Cat@20[prod] -> Bar; Dog@40 -> Bar: ok(Bar@2)",
        f"{q('Bar@2', 'Foo latest prod')}&tag=prod&latest=true",
        N,
        (NEVER,),
        integrations=3,
        rows=("Cat@20-Bar@?", "Foo@2-Bar@2 ok"),
        words=("Cat",),
    ),
    Example(
        "T9",
        "Foo@1 -> Bar: ok(Bar@2[prod]); Foo@1 -> Wiffle",
        f"{q('Foo@1', 'Bar latest prod')}&latestby=cvpv",
        T,
        (OK,),
    ),
    Example(
        "T10",
        "c@1[test] -> p: ok(p@1[test]); c@2 -> pp: ok(pp@1)",
        f"{q('c@2')}&tag=test&latest=true&latestby=cvp",
        N,
        (NEVER,),
        words=("pp with tag test",),
    ),
    Example("T11", "c@1 -> p: ok(p@1); version(c@2[prod])", f"{q('p@1')}&{TO_PROD}", T, (NODEPS,)),
    # 4.2 environment destination
    Example("V1", "Foo@1 -> Bar: ok(Bar@2) FAIL(Bar@3); dep(Bar@2,test)", f"{q('Foo@1')}&{env('test')}", T, (OK,)),
    Example(
        "V2",
        "Foo@1 -> Bar: ok(Bar@2)",
        f"{q('Foo@1')}&{env('test')}",
        N,
        (NEVER,),
        words=("Bar currently in test (none is recorded there)",),
    ),
    Example(
        "V3",
        "Foo@1 -> Bar: ok(Bar@10); dep(Foo@1,prod,a); Foo@2 -> Bar; dep(Foo@2,prod,b)",
        f"{q('Bar@10')}&{env('prod')}",
        N,
        (NEVER,),
        words=("one of the versions of Foo currently in prod (2)", "version 10 of Bar"),
    ),
    Example(
        "V4",
        "Foo@1 -> Bar: ok(Bar@10); dep(Bar@10,prod,a); Foo@2 -> Bar; dep(Bar@11,prod,b)",
        f"{q('Foo@2')}&{env('prod')}",
        N,
        (NEVER, NEVER),
        counts=(0, 0, 2, N),
        words=("one of the versions of Bar currently in prod (10)",),
        reference={
            "reasons": (NEVER,),
            "counts": (0, 0, 1, N),
            "words": ("one of the versions of Bar currently in prod (10, 11)",),
        },
    ),
    Example(
        "V5",
        "Foo@1 -> Bar: FAIL(Bar@10) ok(Bar@11); rel(Bar@10,prod); rel(Bar@11,prod)",
        f"{q('Foo@1')}&{env('prod')}",
        F,
        (FAILED,),
    ),
    Example(
        "V6",
        "Foo@1 -> Bar: FAIL(Bar@10) ok(Bar@11); dep(Bar@10,prod,a); dep(Bar@11,prod,b)",
        f"{q('Foo@1')}&{env('prod')}",
        F,
        (FAILED,),
    ),
    Example(
        "V7",
        "Foo@1 -> Bar: FAIL(Bar@10) ok(Bar@11); dep(Bar@10,prod); dep(Bar@11,prod)",
        f"{q('Foo@1')}&{env('prod')}",
        T,
        (OK,),
    ),
    # 2.8 where the reference is unsound
    Example(
        "U1",
        "Foo@1 -> Bar: ok(Bar@10); dep(Bar@10,prod,a); dep(Bar@11,prod,b)",
        f"{q('Foo@1')}&{env('prod')}",
        N,
        (NEVER,),
        counts=(1, 0, 1, N),
        rows=("Foo@1-Bar@11?", "Foo@1-Bar@10 ok"),
        words=("Bar currently in prod (11)",),
        reference={
            "deployable": T,
            "reasons": (OK,),
            "counts": (1, 0, 0, N),
            "rows": ("Foo@1-Bar@10 ok",),
            "words": (),
        },
    ),
    Example(
        "U2",
        "Foo@1 -> Bar: FAIL(Bar@10) ok(Bar@11); rel(Bar@10,prod); rel(Bar@11,prod)",
        f"{q('Foo@1')}&environment=prod&latestby=cvp",
        F,
        (FAILED,),
        counts=(1, 1, 0, N),
        reference={"deployable": T, "reasons": (OK,), "counts": (1, 0, 0, N)},
    ),
    # 4.3 ignore
    Example("I1a", "Foo@1 -> Bar; version(Bar@2[prod])", f"{q('Foo@1')}&{TO_PROD}", N, (NEVER,)),
    Example(
        "I1b",
        "Foo@1 -> Bar; version(Bar@2[prod])",
        f"{q('Foo@1')}&{TO_PROD}&ignore[][pacticipant]=Bar",
        T,
        (NODEPS,),
        counts=(0, 0, 0, 1),
    ),
    Example("I2a", "Foo@1 -> Bar: ok(Bar@2)", f"{q('Foo@1')}&{TO_PROD}", N, (NEVER,)),
    Example("I2b", "Foo@1 -> Bar: ok(Bar@2)", f"{q('Foo@1')}&{TO_PROD}&ignore[][pacticipant]=Bar", T, (NODEPS,)),
    Example(
        "I3a",
        "Foo@1 -> Bar: ok(Bar@2)",
        f"{q('Foo@1', 'Bar latest prod')}&{TO_PROD}",
        F,
        (NOVER,),
        words=("No latest version of Bar with tag prod exists.",),
    ),
    Example(
        "I3b",
        "Foo@1 -> Bar: ok(Bar@2)",
        f"{q('Foo@1', 'Bar latest prod')}&{TO_PROD}&ignore[][pacticipant]=Bar",
        T,
        (NODEPS,),
    ),
    Example(
        "I4",
        "Foo@1 -> Bar: ok(Bar@2)",
        f"{q('Foo@1')}&{TO_PROD}&ignore[][pacticipant]=Bar&ignore[][version]=999",
        N,
        (NEVER,),
        (W_IGN,),
        words=("Cannot ignore version 999 of Bar",),
    ),
    Example(
        "I4b",
        "Foo@1 -> Bar: ok(Bar@2)",
        f"{q('Foo@1')}&{TO_PROD}&ignore[][pacticipant]=Nobody",
        N,
        (NEVER,),
        (W_IGN,),
        words=("Cannot ignore Nobody",),
    ),
    Example("I5", "Foo@1[prod] -> Bar; version(Bar@2)", f"{q('Bar@2')}&{TO_PROD}", N, (NEVER,)),
    # 4.4 as asked over HTTP (H1 to H3 are questions of /can-i-deploy, tested by their own name)
    Example("H4", G2, f"{q('Foo@1')}&{env('production')}", N, (NEVER,), (), (0, 0, 1, N)),
    Example("H5", G2, f"{q('Foo', 'Bar')}&latestby=cvpv", N, (FAILED, NEVER), (), (1, 1, 1, N)),
    Example("H6", G2, f"{q('Foo', 'Bar')}&latestby=cvpv&success=true", T, (OK,), (), (1, 0, 0, N)),
    # 4.5 row selection
    Example(
        "R1",
        G3,
        q("A"),
        N,
        (NEVER, FAILED),
        (W_ENV, W_NUM),
        rows=("A@2-B@?", "A@2-C@3 ok", "A@1-B@2 ok", "A@1-B@1 ok", "A@1-B@1 FAIL", "A@1-C@1 ok"),
    ),
    Example(
        "R2",
        G3,
        f"{q('A')}&latestby=cvp",
        N,
        (NEVER,),
        rows=("A@2-B@?", "A@2-C@3 ok", "A@1-B@2 ok", "A@1-C@1 ok"),
    ),
    Example("R3a", G3, q("A@1"), F, (FAILED,), rows=("A@1-B@2 ok", "A@1-B@1 ok", "A@1-B@1 FAIL", "A@1-C@1 ok")),
    Example("R3b", G3, f"{q('A@1')}&latestby=cvpv", T, (OK,), rows=("A@1-B@2 ok", "A@1-B@1 ok", "A@1-C@1 ok")),
    Example("R3c", G3, f"{q('A@1')}&latestby=cvp", T, (OK,), rows=("A@1-B@2 ok", "A@1-C@1 ok")),
    Example(
        "R4a",
        "A@1 -> B; A@1 -> C; version(B@2.0.0); version(C@3.0.0)",
        q("A@1", "B@2.0.0", "C@3.0.0"),
        N,
        (NEVER, NEVER),
        rows=("A@1-B@?", "A@1-C@?"),
    ),
    Example(
        "R4b",
        "A@1 -> B; A@1 -> C; version(B@2.0.0); version(C@3.0.0)",
        q("A@1", "B@2.0.0"),
        N,
        (NEVER,),
        rows=("A@1-B@?",),
    ),
    Example(
        "R5",
        "A@1 -> B: ok(B@1) FAIL(B@2) ok(B@4); B@1 -> C: FAIL(C@1)",
        q("B@1"),
        F,
        (FAILED,),
        rows=("A@1-B@1 ok", "B@1-C@1 FAIL"),
    ),
    Example("R6", "A@1 -> B: ok(B@1); version(B@5)", q("A@1", "B latest"), N, (NEVER,), rows=("A@1-B@?",)),
    Example(
        "R7",
        "A@1 -> B: ok(B@1[prod]) ok(B@2); A@1 -> C: ok(C@3[prod]) ok(C@4); A@2 -> C",
        f"{q('A')}&tag=prod&latest=true",
        N,
        (NEVER,),
        rows=("A@2-C@?", "A@1-B@1 ok", "A@1-C@3 ok"),
    ),
    Example(
        "R8",
        "B@1 -> C: ok(C@10); A@2 -> C: ok(C@10); A@2 -> B",
        f"{q('C@10')}&latest=true&latestby=cvp",
        T,
        (OK,),
        (W_ENV,),
        rows=("A@2-C@10 ok", "B@1-C@10 ok"),
    ),
    Example(
        "R9",
        "Foo@1 -> Bar: ok(Bar@2[staging]) FAIL(Bar@2) FAIL(Bar@2) ok(Bar@2) ok(Bar@3);"
        "Foo@1 -> Wiffle: ok(Wiffle@6[staging])",
        f"{q('Foo@1')}&tag=staging&limit=2&latestby=cvp",
        T,
        (OK,),
        rows=("Foo@1-Bar@2 ok", "Foo@1-Wiffle@6 ok"),
    ),
    Example(
        "R10",
        "Foo@1 -> Bar: ok(Bar@5) FAIL(Bar@6)",
        f"{q('Foo', 'Bar')}&latestby=cvp&success[]=true",
        N,
        (NEVER,),
        rows=(),
    ),
    # beyond the facts
    Example("X1", "Foo@1 -> Bar: ok(Bar@2)", f"{q('Foo@7')}&{TO_PROD}", F, (NOVER,), words=("version 7 of Foo",)),
    Example(
        "X2",
        "Foo@1 -> Bar: ok(Bar@2) FAIL(Bar@3); rel(Bar@2,prod); rel(Bar@3,prod)",
        f"{q('Foo@1')}&{env('prod')}&ignore[][pacticipant]=Bar&ignore[][version]=3",
        T,
        (OK,),
        counts=(1, 0, 0, 1),
    ),
    Example(
        "X3",
        "Foo@1{main} -> Bar: ok(Bar@2{main})",
        f"{q('Foo@1')}&mainBranch=true&latest=true&latestby=cvp",
        T,
        (OK,),
        (),
    ),
    Example(
        "X4",
        "Foo@1 -> Bar: ok(Bar@2) ok(Bar@3) FAIL(Bar@4); rel(Bar@2,prod); rel(Bar@3,prod); rel(Bar@4,prod)",
        f"{q('Foo@1')}&{env('prod')}&limit=1",
        F,
        (FAILED,),
        rows=("Foo@1-Bar@4 FAIL",),
    ),
)
