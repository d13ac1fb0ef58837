"""Proof searches on made theories against an independent program (prove_reference.py), one by one.

Whole rows of the export are compared: what was proved, in how many steps, how it ended, and the
digest of every action on the way. A log-probability may differ by rounding.
"""
import gzip

import pytest

from prove_data import MadeTheory, network_tensors
from prove_reference import LONG, WORD, Items, Options, permute, philox, search_all, state_hash
from made import safetensors
from tool import rows_of

HEADER = b"query\tside\tcandidate\thead\trelation\ttail\tproved\tdepth\tend\tlogprob\tdigest\n"
POLICIES = ["first", "hash", "random", "network"]
MARGIN = 1e-4  # below it, between the best logit and the second, rounding may decide


def exact(row):
    return {name: value for name, value in row.items() if name != "logprob"}


def assert_outcomes(tsv, searches, theory):
    """Every row as the reference has it; gives how many were left to rounding, and the largest
    difference of a log-probability."""
    assert tsv.startswith(HEADER)
    rows, left_out, worst = rows_of(tsv), 0, 0.0
    names = ("query", "side", "candidate", "head", "relation", "tail")
    assert [[row[name] for name in names] for row in rows] == \
        [[search.row(theory)[name] for name in names] for search in searches]
    for row, search in zip(rows, searches):
        if search.margin < MARGIN:
            left_out += 1
            continue
        want = search.row(theory)
        assert exact(row) == exact(want)
        assert row["logprob"] == pytest.approx(want["logprob"], rel=1e-4, abs=1e-4), row
        worst = max(worst, abs(row["logprob"] - want["logprob"]))
    return left_out, worst


# ---- the reference itself -------------------------------------------------------------------


def test_reference_has_the_known_answers_of_its_random_numbers():
    assert philox((0,) * 4, (0,) * 2) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox((WORD,) * 4, (WORD,) * 2) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    for count in (1, 2, 5, 64, 65):
        assert sorted(permute(LONG, 7, count, place) for place in range(count)) == \
            list(range(count))


def test_reference_has_the_hashes_of_the_specification():
    assert state_hash(((1, 2, 3),)) == 0x753EC52AE66D0849
    assert state_hash(((12, 2968, 2970), (1, 1, 1))) == 0xDDDF75307050A56C


def test_made_family_is_worth_searching(family):
    """Guards the tests below: all ends occur, states branch, memory and limits have work."""
    searches = family.expected("network")
    ends = [search.end for search in searches]
    assert all(ends.count(end) > 50 for end in "TFED"), {end: ends.count(end) for end in "TFED"}
    some = (("samples", 12),)
    for options in OPTIONS[:-1]:
        assert any(a.digest != b.digest for policy in ("hash", "random") for a, b in
                   zip(family.expected(policy, (), some),
                       family.expected(policy, (), some, **options))), options
    assert {-1, 2, 3} <= set(family.labels().values())


# ---- policies and settings ------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_every_outcome_is_the_reference_s(policy, family, tool):
    tool.run("run.db", *family.flags(policy=policy))
    searches = family.expected(policy)
    left_out, _ = assert_outcomes(tool.export("run.db", "outcomes"), searches, family.theory)
    assert left_out <= len(searches) / 200
    work = tool.report("run.db")["run"]["work"]
    assert work["pairs"] == len(searches)
    assert work["rows"] == sum(sum(search.counts) for search in searches)
    assert work["lanes_live"] == sum(search.depth for search in searches)
    assert work["lanes"] >= work["lanes_live"] and work["lane_use"] <= 1
    assert (work["encoded"] > 0) == (work["recalled"] > 0) == (policy == "network")


# Which candidates there are: flags, then what Items and Theory of the reference are told.
CANDIDATES = {
    "mode head": ({"mode": "head"}, {"mode": "head"}),
    "mode tail": ({"mode": "tail"}, {"mode": "tail"}),
    "mode both": ({"mode": "both"}, {"mode": "both"}),
    "sides head": ({"sides": "head"}, {"sides": ("head",)}),
    "sides tail": ({"sides": "tail"}, {"sides": ("tail",)}),
    "no samples": ({"samples": 0}, {"samples": 0}),
    "5 samples": ({"samples": 5}, {"samples": 5}),
    "5 samples of both sides": ({"samples": 5, "mode": "both"}, {"samples": 5, "mode": "both"}),
    "1 sample of both sides": ({"samples": 1, "mode": "both"}, {"samples": 1, "mode": "both"}),
    "more samples than there are": ({"samples": 1000}, {"samples": 1000}),
    "more samples than there are, of both sides":
        ({"samples": 1000, "mode": "both"}, {"samples": 1000, "mode": "both"}),
    "samples of another seed": ({"samples": 7, "seed": 2 ** 40 + 9},
                                {"samples": 7, "seed": 2 ** 40 + 9}),
    "no filter": ({"filter": "none"}, {"filters": ()}),
    "filter of train alone": ({"filter": "train"}, {"filters": ("train",)}),
    "limit": ({"limit": 5}, {}, {"limit": 5}),
}


@pytest.mark.parametrize("name", CANDIDATES)
def test_candidates_are_the_reference_s(name, family, tool):
    """With a policy whose choices depend on target and place, too."""
    flags, items, theory = (*CANDIDATES[name], {})[:3]
    searches = family.expected("random", tuple(theory.items()), tuple(items.items()))
    sample = {"candidates": "sample"} if "samples" in flags else {}
    tool.run("run.db", *family.flags(policy="random", **flags, **sample))
    assert_outcomes(tool.export("run.db", "outcomes"), searches, family.theory)


ON_OFF = {True: "on", False: "off"}
OPTIONS = [
    {"skip_unary": True}, {"skip_unary": True, "end_action": False},
    {"skip_unary": True, "memory_pruning": False}, {"memory_pruning": False},
    {"end_action": False}, {"depth": 1}, {"depth": 3}, {"depth": 60}, {"atoms": 1}, {"atoms": 3},
    {"atoms": 9}, {"successors": 2}, {"successors": 4}, {"successors": 40}, {"successors": 1000},
]


def words_of(options):
    return ", ".join(f"{name} {ON_OFF.get(value, value) if isinstance(value, bool) else value}"
                     for name, value in options.items())


@pytest.mark.parametrize("policy", ["hash", "random", "network"])
@pytest.mark.parametrize("options", OPTIONS, ids=words_of)
def test_settings_mean_what_the_reference_says(options, policy, family, tool):
    searches = family.expected(policy, (), (("samples", 12),), **options)
    flags = {name: ON_OFF[value] if isinstance(value, bool) else value
             for name, value in options.items()}
    tool.run("run.db", *family.flags(policy=policy, candidates="sample", samples=12, **flags))
    left_out, _ = assert_outcomes(tool.export("run.db", "outcomes"), searches, family.theory)
    assert left_out <= len(searches) / 100


@pytest.mark.parametrize("changes", [{}, {"mode": "both"}, {"samples": 6},
                                     {"samples": 6, "mode": "both"}, {"samples": 100}], ids=str)
def test_candidates_are_of_their_domains(changes, family, tool):
    domains = family.folder / "domains.txt"
    flags = changes | ({"candidates": "sample"} if "samples" in changes else {})
    tool.run("run.db", *family.flags(policy="first", domains=domains, **flags))
    theory = family.theory_with(domains=domains)
    searches = search_all(theory, Options(), Items(theory, **changes).searches(),
                          family.policy("first"))
    assert_outcomes(tool.export("run.db", "outcomes"), searches, theory)


@pytest.mark.parametrize("normalised", [False, True])
def test_network_s_own_shape_and_temperature(normalised, family, tool):
    """A width and hidden size that no vector register divides; blocks 0 and 3."""
    tensors = network_tensors(family.theory, seed=8, width=33, hidden=23, blocks=3 * normalised,
                              temperature=0.1 if normalised else None)
    model = tool.folder / "other.safetensors"
    model.write_bytes(safetensors(tensors))
    tool.run("run.db", *family.flags(policy="network", model=model, candidates="sample",
                                     samples=30))
    searches = search_all(family.theory, Options(), Items(family.theory, samples=30).searches(),
                          family.policy("network", tensors=tensors))
    left_out, _ = assert_outcomes(tool.export("run.db", "outcomes"), searches, family.theory)
    assert left_out <= len(searches) / 100


@pytest.mark.parametrize("kind", ["F16", "BF16"])
def test_type_of_the_weights_is_widened(kind, family, tool):
    coarse = {name: (array.view("u4") & 0xFFFF0000).view("f4")
              for name, array in family.tensors.items()}
    if kind == "F16":
        coarse = {name: array.astype("f2").astype("f4") for name, array in coarse.items()}
    for name, stored in (("narrow", kind), ("wide", "F32")):
        (tool.folder / name).write_bytes(safetensors(coarse, stored))
        (tool.folder / name).rename(tool.folder / f"{name}.safetensors")
        tool.run(f"{name}.db", *family.flags(policy="network", limit=3,
                                             model=tool.folder / f"{name}.safetensors"))
    assert tool.digest("narrow.db", "outcomes") == tool.digest("wide.db", "outcomes")


# ---- files ----------------------------------------------------------------------------------


def test_other_split_is_evaluated(family, tool):
    """Their own facts are not used for them."""
    tool.run("run.db", *family.flags(queries="train", limit=30, candidates="sample", samples=3))
    theory = family.theory_with(queries=family.folder / "train.txt", limit=30)
    searches = search_all(theory, Options(), Items(theory, samples=3).searches(),
                          family.policy("hash"))
    assert_outcomes(tool.export("run.db", "outcomes"), searches, theory)


def test_file_of_queries(family, tool):
    """With lines to pass over, which count, and strangers, which are dropped."""
    words = family.lines("valid").splitlines()
    queries = tool.folder / "queries.txt"
    queries.write_text("\n".join(["% asked", "", *words[:3], "parent(stranger,9)", *words[3:6]]))
    tool.run("run.db", *family.flags(queries=queries, unknown="drop"))
    theory = family.theory_with(queries=queries, unknown="drop")
    assert [line for line, _ in theory.evaluated] == [2, 3, 4, 6, 7, 8]
    filters = ("train", "valid", "test", "queries")
    searches = search_all(theory, Options(), Items(theory, filters=filters).searches(),
                          family.policy("hash"))
    assert_outcomes(tool.export("run.db", "outcomes"), searches, theory)


def test_facts_need_not_be_train(family, tool):
    facts = tool.folder / "facts.tsv"
    facts.write_text(family.triples("train")[:3000].rsplit("\n", 1)[0])
    tool.run("run.db", *family.flags(facts=facts, limit=10))
    theory = family.theory_with(facts=facts, limit=10)
    searches = search_all(theory, Options(), Items(theory).searches(), family.policy("hash"))
    assert_outcomes(tool.export("run.db", "outcomes"), searches, theory)


def test_triples_compressed_and_windows_files_are_the_same(family, tool):
    changes = {split: tool.folder / f"{split}.other" for split in family.splits}
    changes["train"].write_bytes(gzip.compress(family.triples("train").encode()))
    changes["valid"].write_bytes(family.lines("valid").replace("\n", "\r\n").encode())
    changes["test"].write_text(family.lines("test").replace(").", ") ").replace(",", " , "))
    tool.run("run.db", *family.flags())
    tool.run("other.db", *family.flags(**changes))
    assert tool.digest("other.db", "outcomes") == tool.digest("run.db", "outcomes")


# ---- odd corners of the rules ---------------------------------------------------------------

CHAIN = [("next", f"c{i}", f"c{i + 1}") for i in range(60)]
CORNERS = {
    "goal with one variable twice": ("ask(A,B) :- likes(H,H), knows(A,B).",
                                     [("likes", "a", "b"), ("likes", "b", "b")]),
    "goal with one variable twice, and only other facts":
        ("ask(A,B) :- likes(H,H), knows(A,B).", [("likes", "a", "b")]),
    "head with a constant behind": ("p(A,c) :- likes(A,A).\nask(A,B) :- p(H,H), knows(A,B).",
                                    [("likes", "c", "c")]),
    "head with a constant in front": ("p(c,A) :- likes(A,B).\nask(A,B) :- p(H,H), knows(A,B).",
                                      [("likes", "c", "d"), ("likes", "b", "d")]),
    "head with one variable twice": ("p(A,A) :- likes(A,B).\nask(A,B) :- p(A,B).",
                                     [("likes", "a", "b")]),
    "head with one variable twice, goal with two": (
        "p(A,A) :- likes(A,B).\nask(A,B) :- p(H,K), likes(H,K).", [("likes", "a", "a")]),
    "head of constants": ("p(a,b) :- likes(a,b).\nask(A,B) :- p(H,K), likes(H,K), knows(K,H).",
                          [("likes", "a", "c"), ("knows", "b", "a")]),
    "rule that only asks itself": ("ask(A,B) :- ask(A,B).", []),
    "rule that asks itself the other way round": ("ask(A,B) :- ask(B,A).", []),
    "predicate that nothing tells of": ("ask(A,B) :- nothing(A,B).", []),
    "same rule twice": ("ask(A,B) :- knows(A,H), knows(H,B).\nask(A,B) :- knows(A,H), knows(H,B).",
                        [("knows", "a", "c"), ("knows", "c", "b")]),
    "variables that begin with an underscore": ("ask(A,B) :- knows(A,_x), knows(_x,B).",
                                                [("knows", "a", "c"), ("knows", "c", "b")]),
    "states of too many atoms": (
        "ask(A,B) :- knows(A,C), knows(C,D), knows(D,E), ask(E,B).\nask(A,B) :- knows(A,B).",
        [("knows", "a", "b"), ("knows", "b", "a"), ("knows", "b", "c"), ("knows", "c", "c")]),
    "long chain": ("ask(A,B) :- next(A,B).\nask(A,B) :- next(A,H), ask(H,B).", CHAIN),
    "long chain of single successors": ("ask(A,B) :- next(A,H), ask(H,B).", CHAIN),
}


@pytest.mark.parametrize("how", ["", "skip_unary", "end_action", "memory_pruning"])
@pytest.mark.parametrize("name", CORNERS)
def test_odd_corners(name, how, tool):
    rules, facts = CORNERS[name]
    asked = [("ask", "a", "b"), ("ask", "b", "a"), ("ask", "c", "c"), ("likes", "a", "b")]
    asked += [("ask", "c0", f"c{i}") for i in (1, 2, 9, 10, 11, 12, 20, 59)] * (facts is CHAIN)
    made = MadeTheory({"train": facts + [("knows", "a", "b")], "valid": [("likes", "d", "c")],
                       "test": asked}, rules).write(tool.folder)
    settings = {"": {}, "skip_unary": {"skip_unary": "on"}}.get(how, {how: "off"})
    options = {"": {}, "skip_unary": {"skip_unary": True}}.get(how, {how: False})
    for policy in POLICIES:
        tool.run(f"{policy}.db", *made.flags(policy=policy, depth=30, candidates="sample",
                                             samples=4, **settings))
        searches = made.expected(policy, (), (("samples", 4),), depth=30, **options)
        left_out, _ = assert_outcomes(tool.export(f"{policy}.db", "outcomes"), searches,
                                      made.theory)
        assert left_out <= len(searches) / 10
