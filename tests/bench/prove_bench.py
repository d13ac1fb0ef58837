"""The benchmarks of `program: prove`, called by ops/bench (with measure.py): family with 48
rules, and for the network the published system's shape with random weights (width 250, hidden 256,
8 blocks)."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from measure import BUILD, CORES, DATA, ROOT, evaluate, run

FAMILY = DATA / "prove" / "family"
WIDTH, HIDDEN, BLOCKS = 250, 256, 8
CONSTANTS, PREDICATES, VARIABLES = 2968, 12, 1000
MACS = WIDTH * HIDDEN + BLOCKS * HIDDEN**2 + HIDDEN**2 + HIDDEN * WIDTH
LANES, SUCCESSORS, DEPTH = 512, 120, 20
TURNS = 5
REFILLS = ("refilled at once", "when all are done", f"after {DEPTH} steps")


def family(*more):
    return ["--program", "prove", "--rules", FAMILY / "rules.txt", "--candidates", "sample",
            *(word for name in ("train", "valid", "test")
              for word in (f"--{name}", FAMILY / f"{name}.txt")), *more]


def make_model(hidden=HIDDEN, blocks=BLOCKS):
    """A network of random weights; the same bytes wherever numpy's generator is the same."""
    import numpy
    sys.path.insert(0, str(ROOT / "ops" / "import"))
    import tensor_file
    draw = numpy.random.default_rng(42)
    tensors = {"constants.weight": draw.standard_normal((CONSTANTS + VARIABLES + 1, WIDTH)),
               "predicates.weight": draw.standard_normal((PREDICATES + 4, WIDTH))}
    for table in tensors.values():
        table[0] = 0

    def add_linear(name, size_out, size_in):
        most = max(size_out, size_in)
        orthogonal = numpy.linalg.qr(draw.standard_normal((most, most)))[0][:size_out, :size_in]
        tensors.update({f"{name}.weight": orthogonal * numpy.sqrt(2),
                        f"{name}.bias": numpy.zeros(size_out)})

    for name, size_in in [("input", WIDTH)] + [(f"block.{i}", hidden) for i in range(blocks)]:
        add_linear(name, hidden, size_in)
        tensors.update({f"{name}.norm.weight": numpy.ones(hidden),
                        f"{name}.norm.bias": numpy.zeros(hidden)})
    add_linear("head.0", hidden, hidden)
    add_linear("head.1", WIDTH, hidden)
    path = BUILD / "bench" / f"policy-{hidden}-{blocks}.safetensors"
    tensor_file.write(path, tensors)
    return path


def network_flags(model):
    """The published benchmark's candidates: 100 queries, each with 100 others of both sides."""
    return family("--policy", "network", "--model", model, "--limit", 100, "--samples", 100,
                  "--mode", "both", "--depth", DEPTH, "--threads", CORES)


def evaluate_timed(flags, *more, refill=0):
    """A run of bench_prove_worker: wall time, report's work, seconds of the steps and the peak."""
    with tempfile.TemporaryDirectory() as folder:
        programs = Path(folder)
        shutil.copy(BUILD / "bin" / "millrace", programs / "millrace")
        shutil.copy(BUILD / "bench" / "bench_prove_worker", programs / "millrace-worker")
        wall, report = evaluate(flags, *more, bin=programs,
                                env={"MILLRACE_BENCH_TIMES": str(programs / "times"),
                                     "MILLRACE_BENCH_REFILL": str(refill)})
        names = ("derive", "encode", "choose", "advance", "peak", "peak_mean")
        numbers = map(float, (programs / "times").read_text().split())
        return wall, report["run"], dict(zip(names, numbers))


def there(name):
    if not FAMILY.is_dir():
        print(f"{name}: skipped: family is not beside this checkout")
    return FAMILY.is_dir()


def show(what, *values):
    print(f"  {what:34}{''.join(values)}")


# ---- prove: the network, end to end, and the dense step in PyTorch -------------------------------

def bench_prove():
    if not there("prove"):
        return
    model = make_model()
    flags = network_flags(model)
    walls, timed = [], []
    for _ in range(TURNS):
        wall, report = evaluate(flags)
        walls.append(wall)
        timed.append(evaluate_timed(flags))
    work = report["run"]["work"]
    assert all(run["results_digest"] == report["run"]["results_digest"] for _, run, _ in timed)
    pairs = work["pairs"]
    best = 1e3 * min(walls) / pairs
    print(f"prove: family, 48 rules, 100 queries, {pairs} candidates, network {WIDTH}/{HIDDEN}/"
          f"{BLOCKS}, {CORES} threads, best of {TURNS} (median)")
    show("end to end", f"{best:.3f} ms a candidate ({1e3 * statistics.median(walls) / pairs:.3f}), "
         f"{min(walls):.2f} s ({statistics.median(walls):.2f})")
    show("memory, all processes", f"{work['peak_bytes'] / 2**20:.0f} MiB (PSS)")
    show("a candidate", f"{work['lanes_live'] / pairs:.2f} steps, "
         f"{work['rows'] / work['lanes_live']:.1f} successors a state, lane use "
         f"{100 * work['lanes_live'] / work['lanes']:.1f} %")
    show_arithmetic(work)
    show_shares(work, [times for _, _, times in timed])
    bench_dense(model, best)


def show_arithmetic(work):
    done = 2 * MACS * work["encoded"]
    dense = 2 * MACS * (SUCCESSORS + 1) * DEPTH * work["pairs"]
    show("arithmetic of the network", f"{1e-9 * done:.0f} GFLOP = "
         f"{1e-6 * done / work['pairs']:.0f} MFLOP a candidate; dense ({SUCCESSORS + 1} rows x "
         f"{DEPTH} steps) {1e-9 * dense:.0f} GFLOP, {dense / done:.0f} times as much")
    looked_up = work["encoded"] + work["recalled"]
    show("states", f"{work['encoded']} encoded, {work['recalled']} recalled "
         f"({100 * work['recalled'] / looked_up:.1f} %)")


def show_shares(work, times):
    """The turn in which encoding came nearest to the peak, and all turns' median."""
    shares = [2e-9 * MACS * work["encoded"] / t["encode"] / t["peak"] for t in times]
    at = max(range(len(times)), key=shares.__getitem__)
    t = times[at]
    show("of the time in steps", ", ".join(
        f"{name} {100 * t[name] / t['advance']:.0f} %" for name in ("encode", "derive", "choose")))
    show("peak of multiply-adds, same run", f"{t['peak']:.0f} GFLOP/s = {t['peak'] / CORES:.0f} per "
         f"core; encode {2e-9 * MACS * work['encoded'] / t['encode']:.0f} GFLOP/s")
    show("encode's share of the peak", f"{100 * shares[at]:.0f} % "
         f"({100 * statistics.median(shares):.0f} %)")


def torch_python():
    """A Python with torch: MILLRACE_TORCH, or one of build/torch, which is made once."""
    python = Path(os.environ.get("MILLRACE_TORCH", ROOT / "build" / "torch" / "bin" / "python"))
    if not python.exists():
        print("  installing torch into build/torch, 3 GB", flush=True)
        run("/usr/bin/python3", "-m", "venv", python.parent.parent)
        run(python, "-m", "pip", "install", "--quiet", "numpy", "torch")
    return python


def bench_dense(model, best_ms):
    # Memory is kept from step to step; by default glibc returns each large tensor to the system,
    # and PyTorch takes twice as long.
    memory = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**34)}
    span, version = run(torch_python(), ROOT / "tests" / "bench" / "dense_step.py", model, CONSTANTS,
                        PREDICATES, LANES, SUCCESSORS, TURNS, CORES,
                        env={**os.environ, **memory}).split()
    dense_ms = 1e3 * float(span) * DEPTH / LANES
    rate = 2e-9 * MACS * (SUCCESSORS + 1) * LANES / float(span)
    show(f"PyTorch {version}, dense step", f"{float(span):.3f} s for {LANES} lanes x "
         f"{SUCCESSORS + 1} rows, {rate:.0f} GFLOP/s; x {DEPTH} steps / {LANES} = {dense_ms:.2f} ms "
         "a candidate, derivation not counted")
    show("ratio", f"{dense_ms / best_ms:.0f}")


# ---- hash: the engine without a network ----------------------------------------------------------

def bench_hash():
    if not there("hash"):
        return
    flags = family("--policy", "hash", "--samples", 20, "--workers", 1, "--threads", 1,
                   "--unit-items", 20 * LANES, "--lanes", LANES)
    rates = []
    for _ in range(TURNS):
        work = evaluate(flags)[1]["run"]["work"]
        rates.append(work["lanes_live"] / work["busy_s"])
    print(f"hash: family, 48 rules, all queries, {work['pairs']} candidates, 1 thread, best of "
          f"{TURNS}")
    show("steps", f"{work['lanes_live']}, {max(rates):.0f} a second "
         f"({statistics.median(rates):.0f} median)")
    show("lane use, units of 20 x lanes", f"{100 * work['lanes_live'] / work['lanes']:.1f} %")


# ---- refill --------------------------------------------------------------------------------------

def bench_refill():
    if not there("refill"):
        return
    model = make_model()
    for name, flags in (
            ("network, 100 queries", network_flags(model)),
            ("hash, all queries", family("--policy", "hash", "--samples", 20, "--threads", CORES))):
        print(f"refill: {name}; wall and time in steps: best of 3")
        digests = set()
        for refill, how in enumerate(REFILLS):
            turns = [evaluate_timed(flags, "--lanes", LANES, refill=refill) for _ in range(3)]
            work = turns[0][1]["work"]
            digests.add(turns[0][1]["results_digest"])
            show(how, f"{min(t[0] for t in turns):.2f} s, in steps "
                 f"{min(t[2]['advance'] for t in turns):.2f} s; {work['lanes']} lane-steps, "
                 f"{100 * work['lanes_live'] / work['lanes']:.1f} % of them live")
        assert len(digests) == 1


# ---- memory --------------------------------------------------------------------------------------

def pss_bytes(pid):
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    except OSError:  # it has ended
        pass
    return 0


def watch_memory(process, peaks):
    """The largest PSS of a coordinator and of its workers, seen every 50 ms until it ends."""
    while process.poll() is None:
        peaks["coordinator"] = max(peaks["coordinator"], pss_bytes(process.pid))
        try:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        except OSError:
            children = []
        peaks["worker"] = max([peaks["worker"], *map(pss_bytes, children)])
        time.sleep(0.05)


def measure_memory(flags):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        db, out = Path(folder) / "run.db", Path(folder) / "outcomes.tsv"
        peaks = {"coordinator": 0, "worker": 0}
        process = subprocess.Popen([str(word) for word in (
            BUILD / "bin" / "millrace", "run", "--quiet", "--db", db, *flags)],
            stdout=subprocess.DEVNULL)
        watcher = threading.Thread(target=watch_memory, args=(process, peaks))
        watcher.start()
        code = process.wait()
        watcher.join()
        if code:
            sys.exit(f"ops/bench: memory: millrace ended with {code}")
        report = json.loads(run(BUILD / "bin" / "millrace", "report", db, "--format", "json"))
        run(BUILD / "bin" / "millrace", "export", db, "--what", "outcomes", "--out", out)
        with open(out, encoding="utf-8") as lines:
            next(lines)
            atoms = {tuple(line.split("\t")[3:6]) for line in lines}
        return {"distinct": len(atoms), "db": db.stat().st_size, "wall": report["run"]["work"]["wall_s"],
                "reported": report["run"]["work"]["peak_bytes"], **peaks}


def bench_memory():
    if not there("memory"):
        return
    # A small body, to be quick: weights aside, what is held depends on the width alone.
    model = make_model(hidden=32, blocks=1)
    flags = family("--policy", "network", "--model", model, "--samples", 100,
                   "--threads", CORES, "--lanes", LANES)
    few, many = measure_memory([*flags, "--limit", 51]), measure_memory(flags)
    print(f"memory: family, network {WIDTH}/32/1, {LANES} lanes, about 1e4 and 1e6 distinct atoms")
    for sizes in (few, many):
        show(f"{sizes['distinct']} distinct",
             f"worker {sizes['worker'] / 2**20:.1f} MiB, coordinator "
             f"{sizes['coordinator'] / 2**20:.1f} MiB (PSS, peak), database "
             f"{sizes['db'] / 2**20:.1f} MiB, {sizes['wall']:.1f} s")
    more = many["distinct"] - few["distinct"]
    show("worker, many beside few", f"{many['worker'] / few['worker']:.3f}")
    show("growth a candidate", f"coordinator "
         f"{(many['coordinator'] - few['coordinator']) / more:.1f} bytes, database "
         f"{(many['db'] - few['db']) / more:.1f} bytes")


BENCHES = {"prove": bench_prove, "hash": bench_hash, "refill": bench_refill,
           "memory": bench_memory}
