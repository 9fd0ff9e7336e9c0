"""Datasets as pyarrow writes them, in the compressions and encodings that published ones have, and their rows as JSON lines."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

here = Path(__file__).parent
random.seed(11)
words = "lathe spoon brass wood window evening carpenter tree ä 木 round turn".split()


def text(most):
    return " ".join(random.choice(words) for _ in range(random.randint(1, most)))


conversations = [
    {"messages": [{"role": role, "content": text(12)} for role in ("user", "assistant") * random.randint(1, 2)], "id": i}
    for i in range(40)
]
instructions = [
    {
        "instruction": text(8),
        "input": None if i % 3 else text(4),
        "output": text(20),
        "source": random.choice(["a", "b"]),
        "score": random.random(),
        "good": i % 2 == 0,
        "big": 2**62 + i,
    }
    for i in range(60)
]

for name, rows, options in [
    ("messages-snappy", conversations, {"compression": "snappy", "row_group_size": 16}),
    ("instructions-zstd", instructions, {"compression": "zstd", "data_page_version": "2.0"}),
    ("instructions-gzip", instructions, {"compression": "gzip", "use_dictionary": False}),
    ("instructions-brotli", instructions, {"compression": "brotli", "data_page_size": 256}),
    ("instructions-plain", instructions, {"compression": "none", "column_encoding": {"output": "DELTA_BYTE_ARRAY"}, "use_dictionary": ["source"]}),
]:
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, here / f"{name}.parquet", **options)
    back = pq.read_table(here / f"{name}.parquet").to_pylist()
    assert back == rows
for name, rows in [("messages", conversations), ("instructions", instructions)]:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (here / f"{name}.jsonl").write_text(lines, encoding="utf-8")
