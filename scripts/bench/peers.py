"""Lathe's kernels beside those of bitsandbytes and GPTQModel, on the CPU, in turns: `python scripts/bench/peers.py [ROUNDS]`.

Needs torch, numpy, bitsandbytes and gptqmodel, a built Lathe, and its node in the PATH. Prints a Markdown table.
"""

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

os.environ["PYTHON_GIL"] = "1"
logging.disable(logging.WARNING)

import numpy
import torch

THREADS = 2
ROWS, COLUMNS = 4096, 4096
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
scripts = os.path.join(os.path.dirname(__file__), "quantize")
torch.set_num_threads(THREADS)


def lathe(script, *arguments):
    command = ["node", os.path.join(scripts, script), str(ROWS), str(COLUMNS), str(THREADS), *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def bitsandbytes_seconds():
    import bitsandbytes as bnb

    weights = torch.randn(ROWS, COLUMNS) * 0.02
    # LLM.int8() takes float16; the way there is part of the work on both sides.
    int8 = lambda: bnb.functional.int8_vectorwise_quant(weights.half())
    nf4 = lambda: bnb.functional.quantize_4bit(weights, blocksize=64, quant_type="nf4")
    found = {}
    for name, run in (("int8", int8), ("nf4", nf4)):
        run()
        found[name] = [seconds(run) for _ in range(9)]
    return found


def load(folder, name, *shape):
    return torch.from_numpy(numpy.fromfile(os.path.join(folder, name), dtype=numpy.float32).reshape(shape))


def gptqmodel_run(folder):
    """Seconds, and what GPTQModel makes of the same weights and Hessian."""
    from gptqmodel.quantization.config import QuantizeConfig
    from gptqmodel.quantization.gptq import GPTQ

    layer = torch.nn.Linear(COLUMNS, ROWS, bias=False)
    layer.weight.data = load(folder, "weights.f32", ROWS, COLUMNS)
    settings = QuantizeConfig(bits=4, group_size=128, sym=True, desc_act=False, act_group_aware=False, damp_percent=0.01)
    settings.fallback = None
    task = GPTQ(layer, settings)
    task.quantizer.configure(perchannel=True)
    task.H = load(folder, "hessian.f32", COLUMNS, COLUMNS)
    task.nsamples = COLUMNS
    made = []
    return seconds(lambda: made.append(task.quantize(blocksize=128)[0])), made[0].float()


def loss(folder, restored):
    """tr((W − Ŵ) H (W − Ŵ)ᵀ): the objective of GPTQ."""
    difference = load(folder, "weights.f32", ROWS, COLUMNS) - restored
    return ((difference @ load(folder, "hessian.f32", COLUMNS, COLUMNS)) * difference).sum().item()


def shown(values):
    return f"{statistics.median(values):.3g} s ({min(values):.3g} to {max(values):.3g}, n = {len(values)})"


rows = []
ours, theirs = {"int8": [], "nf4": []}, {"int8": [], "nf4": []}
for _ in range(rounds):
    for found, run in ((theirs, bitsandbytes_seconds()), (ours, lathe("matrix.ts"))):
        for name, values in run.items():
            found[name] += values
for name, title in (("int8", "INT8, rows"), ("nf4", "NF4, blocks of 64")):
    ratio = statistics.median(theirs[name]) / statistics.median(ours[name])
    rows.append((title, shown(ours[name]), f"bitsandbytes {shown(theirs[name])}", f"{ratio:.2g} ×", ""))

mine, other, losses = [], [], ()
with tempfile.TemporaryDirectory() as folder:
    for _ in range(rounds):
        mine.append(lathe("layer.ts", folder)["seconds"])
        took, made = gptqmodel_run(folder)
        other.append(took)
    losses = (loss(folder, load(folder, "restored.f32", ROWS, COLUMNS)), loss(folder, made))
ratio = statistics.median(other) / statistics.median(mine)
rows.append(
    ("GPTQ, 4 bits, groups of 128", shown(mine), f"GPTQModel {shown(other)}", f"{ratio:.2g} ×", f"{losses[0]:.5g} and {losses[1]:.5g}")
)

print(", ".join(f"{name} {version(name)}" for name in ("torch", "bitsandbytes", "gptqmodel")), f"{THREADS} threads", sep=", ", end="\n\n")
print(f"| {ROWS} × {COLUMNS} | Lathe | peer | times faster | objective of GPTQ, Lathe's and the peer's |\n| --- | --- | --- | --- | --- |")
for row in rows:
    print(f"| {' | '.join(row)} |")
