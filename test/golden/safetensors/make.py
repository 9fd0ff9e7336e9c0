"""Writes dtypes.safetensors with the reference library, and what its reader says of it. Needs: pip install safetensors numpy"""
import hashlib
import json
import pathlib

import numpy as np
import safetensors
from safetensors import TensorSpec

here = pathlib.Path(__file__).parent
random = np.random.default_rng(20260301)

# name, numpy-style name of the type, bytes per element (None: two elements to a byte), shape
tensors = [
    ("model.embed_tokens.weight", "bfloat16", 2, [7, 5]),
    ("model.layers.0.mlp.weight", "float16", 2, [3, 4, 2]),
    ("scalar", "float32", 4, []),
    ("empty", "float32", 4, [3, 0]),
    ("lm_head.weight", "float32", 4, [2, 3]),
    ("double", "float64", 8, [3]),
    ("complex", "complex64", 8, [2]),
    ("counts", "int64", 8, [2, 1]),
    ("hashes", "uint64", 8, [1]),
    ("codes", "uint8", 1, [9]),
    ("signed", "int8", 1, [1, 1, 1, 5]),
    ("mask", "bool", 1, [3]),
    ("short", "int16", 2, [1]),
    ("ushort", "uint16", 2, [1]),
    ("int", "int32", 4, [2]),
    ("uint", "uint32", 4, [2]),
    ("fp8.e4m3", "float8_e4m3fn", 1, [3]),
    ("fp8.e5m2", "float8_e5m2", 1, [3]),
    ("fp8.scale", "float8_e8m0fnu", 1, [1]),
    ("fp8.e4m3fnuz", "float8_e4m3fnuz", 1, [1]),
    ("fp8.e5m2fnuz", "float8_e5m2fnuz", 1, [1]),
    ("fp4", "float4_e2m1fn_x2", None, [2, 2]),
    ('quote " backslash \\ newline \n bell \x07 e-acute \u00e9 \u4e2d\u6587 \U0001f600', "uint8", 1, [1]),
    ("__proto__", "uint8", 1, [2]),
    ("constructor", "uint8", 1, [2]),
]

buffers = []
specs = {}
for name, dtype, size, shape in tensors:
    count = int(np.prod(shape, dtype=np.int64))
    data = random.integers(0, 256, count if size is None else count * size, dtype=np.uint8)
    buffers.append(data)
    specs[name] = TensorSpec(dtype=dtype, shape=shape, data_ptr=data.ctypes.data, data_len=data.nbytes)

file = safetensors.serialize(specs, metadata={"format": "pt"})
(here / "dtypes.safetensors").write_bytes(file)

read = [
    {"name": name, "dtype": info["dtype"], "shape": info["shape"], "sha256": hashlib.sha256(bytes(info["data"])).hexdigest()}
    for name, info in safetensors.deserialize(bytes(file))
]
(here / "dtypes.json").write_text(json.dumps(sorted(read, key=lambda tensor: tensor["name"]), indent=1) + "\n")
