"""Golden vectors of bitsandbytes: what the real library writes for weights drawn from a seed.

    python -m pip install torch numpy safetensors bitsandbytes
    python make.py

Each file holds the input (`weight`, float32) beside what bitsandbytes made of it on the CPU, under its own names.
"""

import json
import pathlib

import bitsandbytes
import bitsandbytes.functional as F
import numpy as np
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
VERSIONS = {"bitsandbytes": bitsandbytes.__version__, "torch": torch.__version__}


def weights(seed: int, rows: int, columns: int) -> torch.Tensor:
    """Gaussian rows of different scales, one row of zeros, one block of zeros, one outlier."""
    random = np.random.default_rng(seed)
    w = random.standard_normal((rows, columns)).astype(np.float32) * random.uniform(0.01, 2.0, (rows, 1)).astype(np.float32)
    w[3] = 0.0
    w[5, :32] = 0.0
    w[7, 1] = 40.0
    return torch.from_numpy(w)


def write(name: str, tensors: dict, notes: dict) -> None:
    metadata = {"made_by": json.dumps(VERSIONS), **{key: json.dumps(value) for key, value in notes.items()}}
    path = HERE / f"{name}.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata)
    path.chmod(0o644)


def four_bit(kind: str, block_size: int, nested: bool, rows: int, columns: int, suffix: str = "") -> None:
    w = weights(7 * block_size + len(kind) + nested, rows, columns)
    packed, state = F.quantize_4bit(w, blocksize=block_size, compress_statistics=nested, quant_type=kind)
    tensors = {"weight": w, "packed": packed, "dequantized": F.dequantize_4bit(packed, state)}
    # `as_dict(packed=True)` is what transformers saves: the members, and the state as the bytes of its JSON.
    for key, value in state.as_dict(packed=True).items():
        tensors[key] = value
    write(f"{kind}-{block_size}{'-dq' if nested else ''}{suffix}", tensors, {"rows": rows, "columns": columns})


def int8(rows: int, columns: int) -> None:
    w = weights(88, rows, columns)
    # LLM.int8() casts to half before it quantizes.
    half = w.to(torch.float16)
    codes, row_absmax, _ = F.int8_vectorwise_quant(half)
    write("int8", {"weight": w, "CB": codes, "SCB": row_absmax, "dequantized": F.int8_vectorwise_dequant(codes, row_absmax)}, {"rows": rows, "columns": columns})


for kind in ("nf4", "fp4"):
    for block_size, columns in ((32, 96), (64, 160), (128, 256), (4096, 640)):
        four_bit(kind, block_size, False, 16, columns)
# 264 blocks: one more group of absmax values than one nested block of 256 holds.
four_bit("nf4", 64, True, 24, 704)
four_bit("fp4", 64, True, 24, 704)
# A last block that is not full, and blocks that straddle rows.
four_bit("nf4", 64, True, 9, 73, "-odd")
int8(24, 200)
