"""Importance matrices in both forms, as llama.cpp's tools write and read them, and what llama-quantize makes of them.

    pip install gguf==0.19.0 numpy
    python make-imatrix.py

imatrix.gguf: by the gguf package, with the keys of `tools/imatrix`. imatrix.dat: by struct, after `save_imatrix_legacy`.
imatrix.json: the importances by name, after `load_imatrix` of `tools/quantize`.
"""

import json
import pathlib
import struct

import gguf
import numpy as np

HERE = pathlib.Path(__file__).parent
CHUNK_SIZE, CHUNKS = 128, 3
random = np.random.default_rng(5)

# One plain matrix, one with three experts of which the text never reached the second, and one more.
entries = {
    "blk.0.attn_q.weight": (random.random((1, 64)).astype(np.float32) * 900, [384]),
    "blk.0.ffn_down_exps.weight": (random.random((3, 32)).astype(np.float32) * 50, [200, 0, 184]),
    "blk.1.ffn_up.weight": (random.random((1, 64)).astype(np.float32) * 1e-3, [384]),
}
entries["blk.0.ffn_down_exps.weight"][0][1] = 0

writer = gguf.GGUFWriter(HERE / "imatrix.gguf", None)
writer.kv_data[0].clear()
writer.add_string("general.type", "imatrix")
writer.add_array("imatrix.datasets", ["first text", "文本"])
writer.add_uint32("imatrix.chunk_count", CHUNKS)
writer.add_uint32("imatrix.chunk_size", CHUNK_SIZE)
for name, (sums, counts) in sorted(entries.items()):
    writer.add_tensor(f"{name}.in_sum2", sums)
    writer.add_tensor(f"{name}.counts", np.array(counts, np.float32).reshape(-1, 1))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

importance = {}
with open(HERE / "imatrix.dat", "wb") as out:
    out.write(struct.pack("<i", len(entries)))
    for name, (sums, counts) in sorted(entries.items()):
        counts = np.array(counts, np.float32)[:, None]
        mean = np.where(counts > 0, sums / np.maximum(counts, 1), np.float32(1)).astype(np.float32)
        importance[name] = mean.ravel().tolist()
        calls = -(-int(counts.max()) // CHUNK_SIZE)
        encoded = name.encode()
        out.write(struct.pack("<i", len(encoded)) + encoded + struct.pack("<ii", calls, mean.size))
        out.write((mean * np.float32(calls)).astype("<f4").tobytes())
    text = "文本".encode()
    out.write(struct.pack("<ii", CHUNKS, len(text)) + text)

(HERE / "imatrix.json").write_text(json.dumps(importance) + "\n")
