"""Writes GGUF files with llama.cpp's Python package, and what went into them. Needs: pip install gguf numpy"""
import hashlib
import json
import pathlib

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType, quants

here = pathlib.Path(__file__).parent
random = np.random.default_rng(20260302)
V = GGUFValueType

scalars = [
    ("test.u8", V.UINT8, 200), ("test.i8", V.INT8, -100), ("test.u16", V.UINT16, 60000), ("test.i16", V.INT16, -30000),
    ("test.u32", V.UINT32, 4000000000), ("test.i32", V.INT32, -2000000000), ("test.f32", V.FLOAT32, 0.15625),
    ("test.bool.true", V.BOOL, True), ("test.bool.false", V.BOOL, False),
    ("test.str", V.STRING, "quote \" newline \n \u00e9 \u4e2d\u6587 \U0001f600"), ("test.str.empty", V.STRING, ""),
    ("test.u64", V.UINT64, 2**64 - 1), ("test.i64", V.INT64, -(2**63)), ("test.f64", V.FLOAT64, 1e-300),
    ("__proto__", V.STRING, "a key like any other"),
]
arrays = [
    ("array.u8", V.UINT8, [0, 255]), ("array.i8", V.INT8, [-128, 127]), ("array.u16", V.UINT16, [1, 65535]),
    ("array.i16", V.INT16, [-32768]), ("array.u32", V.UINT32, [1, 2**32 - 1]), ("array.i32", V.INT32, [-(2**31), 7, 8]),
    ("array.f32", V.FLOAT32, [0.5, -1024.0, 0.0]), ("array.f64", V.FLOAT64, [1e300]), ("array.bool", V.BOOL, [True, False, True]),
    ("array.u64", V.UINT64, [2**64 - 1, 0]), ("array.i64", V.INT64, [-(2**63), 2**63 - 1]),
    ("array.str", V.STRING, ["", "a", "\u0120the", "\u4e2d\u6587", "\U0001f600\U0001f600", "<0x0A>", "x" * 300]),
]


def exact(value):
    """JSON has no 64-bit integers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def floats(*shape):
    return random.standard_normal(shape).astype(np.float32)


def add_tensors(writer):
    expected = []

    def add(name, data, kind):
        raw = np.ascontiguousarray(data)
        writer.add_tensor(name, raw, raw_dtype=kind)
        expected.append({"name": name, "type": kind.name, "sha256": hashlib.sha256(raw.tobytes()).hexdigest()})

    add("token_embd.weight", floats(6, 64), GGMLQuantizationType.F32)
    add("output_norm.weight", floats(5), GGMLQuantizationType.F32)
    for kind in (GGMLQuantizationType.F16, GGMLQuantizationType.BF16, GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_0, GGMLQuantizationType.MXFP4, GGMLQuantizationType.TQ1_0):
        # quantize gives the packed bytes, whose shape the writer turns back into that of the elements
        add(f"blk.0.{kind.name.lower()}.weight", quants.quantize(floats(3, 256), kind), kind)
    add("cube", floats(2, 3, 4, 32), GGMLQuantizationType.F32)
    add("positions", random.integers(-9, 9, 7).astype(np.int32), GGMLQuantizationType.I32)
    add("bytes", random.integers(-9, 9, 3).astype(np.int8), GGMLQuantizationType.I8)
    add("doubles", random.standard_normal(3), GGMLQuantizationType.F64)
    return expected


def write(name, alignment=None, with_values=False, **options):
    writer = GGUFWriter(here / name, "llama", **options)
    if alignment is not None:
        writer.add_custom_alignment(alignment)
    if with_values:
        for key, kind, value in scalars:
            writer.add_key_value(key, value, kind)
        for key, kind, value in arrays:
            writer.add_key_value(key, value, V.ARRAY, sub_type=kind)
    expected = add_tensors(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    # What the package's own reader finds, part by part.
    read = [tensor for part in sorted(here.glob(name.replace(".gguf", "*.gguf"))) for tensor in GGUFReader(part).tensors]
    for tensor, found in zip(expected, read, strict=True):
        assert tensor["name"] == found.name and tensor["sha256"] == hashlib.sha256(found.data.tobytes()).hexdigest()
        tensor["dimensions"] = found.shape.tolist()
        tensor["offset"] = int(found.data_offset)
    return expected


expected = {
    "scalars": [{"key": key, "type": kind.name, "value": exact(value)} for key, kind, value in scalars],
    "arrays": [{"key": key, "type": kind.name, "value": [exact(v) for v in value]} for key, kind, value in arrays],
    "values.gguf": write("values.gguf", with_values=True),
    "aligned.gguf": write("aligned.gguf", alignment=256),
    "split.gguf": write("split.gguf", split_max_tensors=5),
}
(here / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
names = {kind.name.removeprefix("ALL_").removeprefix("MOSTLY_"): int(kind) for kind in LlamaFileType}
(here / "file-types.json").write_text(json.dumps(names, indent=1) + "\n")
