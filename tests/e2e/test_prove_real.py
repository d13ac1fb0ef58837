"""Proof searches on real data: golden episodes, all totals of the specification, and an untrained
network of the benchmark's size against float64."""
import multiprocessing

import pytest

from made import safetensors
from prove_data import network_tensors
from prove_reference import (Items, Network, Options, Search, Theory, hash_policy, random_policy,
                             real_theory, search_all)
from test_prove import assert_outcomes
from tool import rows_of

TRUE_ALONE = {"candidates": "sample", "samples": 0, "mode": "tail"}


@pytest.fixture(scope="session")
def flags_of(data):
    def flags_of(name, **changes):
        folder = data / "prove" / name
        if not folder.is_dir():
            pytest.skip(f"the real data has no prove/{name}")
        flags = {"program": "prove", "policy": "hash"}
        flags |= {role: folder / f"{role}.txt" for role in ("train", "valid", "test", "rules")}
        return [word for key, value in (flags | changes).items()
                for word in ("--" + key, value)]
    return flags_of


def golden(path):
    return [line.split("\t") for line in path.read_text().splitlines()[1:]]


@pytest.mark.parametrize("name, file, limit", [("countries_s3", "countries_s3", 0),
                                               ("family", "family48_first100", 100)])
def test_golden_episodes(name, file, limit, data, flags_of, tool):
    tool.run("run.db", *flags_of(name, limit=limit, **TRUE_ALONE))
    rows = rows_of(tool.export("run.db", "outcomes"))
    wanted = golden(data / "golden" / f"{file}.tsv")
    assert len(rows) == len(wanted)
    theory = real_theory(data, name)
    searches = search_all(theory, Options(), (Search(atom, theory, line, 1) for line, atom in
                                              theory.evaluated[:limit or None]),
                          hash_policy(theory))
    for row, (_, predicate, head, tail, proved, length, end, first), search in \
            zip(rows, wanted, searches):
        number = search.root[0]
        assert predicate in (str(number), row["relation"])
        assert [str(number) for number in search.root[1:]] == [head, tail]
        assert [str(row[key]) for key in ("proved", "depth", "end")] == [proved, length, end]
        assert search.counts[0] == int(first) and row["digest"] == search.digest


@pytest.mark.parametrize("policy, proved, steps", [("hash", 2535, 34672), ("first", 2064, 33110)])
def test_totals_of_family(policy, proved, steps, flags_of, tool):
    tool.run("run.db", *flags_of("family", policy=policy, **TRUE_ALONE))
    rows = rows_of(tool.export("run.db", "outcomes"))
    ends = [row["end"] for row in rows]
    assert len(rows) == 5626
    assert sum(row["proved"] for row in rows) == proved == ends.count("T")
    assert sum(row["depth"] for row in rows) == steps
    if policy == "hash":
        assert (ends.count("F"), ends.count("D")) == (3008, 83)


def test_totals_of_countries_by_the_first_successor(flags_of, tool):
    tool.run("run.db", *flags_of("countries_s3", policy="first", **TRUE_ALONE))
    rows = rows_of(tool.export("run.db", "outcomes"))
    ends = [row["end"] for row in rows]
    assert (ends.count("T"), ends.count("F"), ends.count("D")) == (20, 3, 1)
    assert sum(row["depth"] for row in rows) == 146


def test_candidates_of_countries_are_of_their_domains(data, flags_of, tool):
    domains = data / "prove" / "countries_s3" / "domain2constants.txt"
    tool.run("run.db", *flags_of("countries_s3", domains=domains, policy="random"))
    paths = {role: data / "prove" / "countries_s3" / f"{role}.txt"
             for role in ("train", "valid", "test", "rules")}
    theory = Theory(**paths, domains=domains)
    searches = search_all(theory, Options(), Items(theory).searches(), random_policy(0))
    assert_outcomes(tool.export("run.db", "outcomes"), searches, theory)
    assert max(search.place for search in searches if search.side == 1) == 4  # 5 regions


def searched(theory, tensors, part):
    """Half of the searches of the test below, for a process of its own."""
    searches = list(Items(theory, mode="both", samples=100).searches())
    return search_all(theory, Options(), searches[part::2], Network(tensors, 6).policy)


def test_untrained_network_of_the_benchmark(full_speed, data, flags_of, tool):
    """20 queries of all kinds x 101 candidates, width 250, hidden 256, 8 blocks."""
    lines = (data / "prove" / "family" / "test.txt").read_text().splitlines(keepends=True)
    queries = tool.folder / "queries.txt"
    queries.write_text("".join(lines[::281][:20]))
    theory = real_theory(data, "family", queries=queries)
    tensors = network_tensors(theory, seed=42, width=250, hidden=256, blocks=8)
    for name, array in tensors.items():  # as training begins
        if name.endswith(".bias"):
            array[:] = 0
        elif name.endswith(".norm.weight"):
            array[:] = 1
    model = tool.folder / "policy.safetensors"
    model.write_bytes(safetensors(tensors))
    tool.run("run.db", *flags_of("family", queries=queries, policy="network", model=model,
                                 mode="both", candidates="sample", samples=100))
    with multiprocessing.Pool(2) as pool:
        parts = pool.starmap(searched, [(theory, tensors, part) for part in (0, 1)])
    searches = sorted((search for part in parts for search in part),
                      key=lambda search: (search.line, search.place))
    assert len(searches) >= 2000
    left_out, worst = assert_outcomes(tool.export("run.db", "outcomes"), searches, theory)
    print(f"{len(searches)} compared, {left_out} left out, log-probabilities within {worst:.2g}")
    # Those left out are ties: {p(a, b), q(c, d)} and {p(a, d), q(c, b)} have the same sum.
    assert left_out <= len(searches) / 40
