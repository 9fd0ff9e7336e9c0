"""Which type llama.cpp's own quantizer gives each tensor under each mix, for generated models of several families.

    pip install gguf==0.19.0 numpy
    cc -I llama.cpp/include -I llama.cpp/ggml/include mixes.c libllama.so libggml.so libggml-base.so -o mixes
    python make.py ./mixes

The weights are zeros: the choice rests on names, sizes and metadata alone. Each `<model>.json` holds the metadata that
the choice rests on, the tensors with their dimensions (ggml order), and for each mix the types: one list for each kind of
tensor (`blk.*` stands for all layers), run by run. `imatrix` holds the kinds whose types differ with an importance matrix.
Mixes that the library refuses for a model (no fallback for its row lengths) are absent.
"""

import itertools
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import gguf
import numpy as np

HERE = pathlib.Path(__file__).parent
VOCABULARY = 512
MIXES = {
    "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12, "Q3_K_L": 13, "Q4_K_S": 14,
    "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ2_XXS": 19, "IQ2_XS": 20, "Q2_K_S": 21, "IQ3_XS": 22, "IQ3_XXS": 23,
    "IQ1_S": 24, "IQ4_NL": 25, "IQ3_S": 26, "IQ3_M": 27, "IQ2_S": 28, "IQ2_M": 29, "IQ4_XS": 30, "IQ1_M": 31, "TQ1_0": 36,
    "TQ2_0": 37, "MXFP4_MOE": 38, "Q1_0": 40, "Q2_0": 41, "F16": 1, "BF16": 32, "F32": 0,
}  # fmt: skip


def model(arch, layers, width, heads, kv_heads, ff, head=True, experts=0):
    """Metadata and tensors (numpy shapes) of one generated model."""
    kv = width // heads * kv_heads
    tensors = {"token_embd.weight": (VOCABULARY, width), "output_norm.weight": (width,)}
    if head:
        tensors["output.weight"] = (VOCABULARY, width)
    if arch == "gpt2":
        tensors["position_embd.weight"] = (64, width)
        tensors["output_norm.bias"] = (width,)
    for i in range(layers):
        b = f"blk.{i}."
        tensors[b + "attn_norm.weight"] = (width,)
        tensors[b + "ffn_norm.weight"] = (width,)
        if arch == "gpt2":
            tensors |= {b + "attn_norm.bias": (width,), b + "ffn_norm.bias": (width,), b + "attn_qkv.bias": (3 * width,)}
            tensors |= {b + "attn_output.bias": (width,), b + "ffn_up.bias": (ff,), b + "ffn_down.bias": (width,)}
        if arch in ("gpt2", "phi3"):
            tensors[b + "attn_qkv.weight"] = (width + 2 * kv, width)
        else:
            tensors |= {b + "attn_q.weight": (width, width), b + "attn_k.weight": (kv, width), b + "attn_v.weight": (kv, width)}
        if arch == "qwen2":
            tensors |= {b + "attn_q.bias": (width,), b + "attn_k.bias": (kv,), b + "attn_v.bias": (kv,)}
        if arch == "gemma2":
            tensors |= {b + "post_attention_norm.weight": (width,), b + "post_ffw_norm.weight": (width,)}
        tensors[b + "attn_output.weight"] = (width, width)
        if experts:
            tensors[b + "ffn_gate_inp.weight"] = (experts, width)
            tensors |= {b + "ffn_gate_exps.weight": (experts, ff, width), b + "ffn_up_exps.weight": (experts, ff, width)}
            tensors[b + "ffn_down_exps.weight"] = (experts, width, ff)
            continue
        if arch not in ("gpt2", "phi3"):
            tensors[b + "ffn_gate.weight"] = (ff, width)
        tensors[b + "ffn_up.weight"] = (2 * ff if arch == "phi3" else ff, width)
        tensors[b + "ffn_down.weight"] = (width, ff)
    facts = {"architecture": arch, "layerCount": layers, "headCount": heads, "headCountKv": kv_heads, "expertCount": experts}
    return facts, width, ff, tensors


def write(path, facts, width, ff, tensors):
    writer = gguf.GGUFWriter(path, facts["architecture"])
    writer.add_block_count(facts["layerCount"])
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(ff)
    writer.add_head_count(facts["headCount"])
    writer.add_head_count_kv(facts["headCountKv"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_layer_norm_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    writer.add_rope_dimension_count(width // facts["headCount"])
    writer.add_key_length(width // facts["headCount"])
    writer.add_value_length(width // facts["headCount"])
    if facts["expertCount"]:
        writer.add_expert_count(facts["expertCount"])
        writer.add_expert_used_count(2)
    if facts["architecture"] in ("gemma2", "phi3"):
        writer.add_sliding_window(32)
    for name, shape in tensors.items():
        writer.add_tensor(name, np.zeros(shape, np.float32 if len(shape) == 1 or "gate_inp" in name or "position" in name else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def by_kind(types):
    """One text for each kind of tensor: the types through the layers, as `Q4_K*3 Q6_K`."""
    kinds = {}
    for name, kind in types.items():
        layer = re.match(r"blk\.(\d+)\.", name)
        kinds.setdefault(re.sub(r"^blk\.\d+", "blk.*", name), []).append((int(layer[1]) if layer else 0, kind.upper()))
    runs = lambda entries: [(kind, len(list(run))) for kind, run in itertools.groupby(kind for _, kind in sorted(entries))]
    return {kind: " ".join(t if n == 1 else f"{t}*{n}" for t, n in runs(entries)) for kind, entries in sorted(kinds.items())}


def case(program, name, *arguments, **more):
    facts, width, ff, tensors = model(*arguments, **more)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.gguf"
        write(path, facts, width, ff, tensors)
        lines = subprocess.run([program, path, *map(str, MIXES.values())], check=True, capture_output=True, text=True).stdout.splitlines()
    names = {value: key for key, value in MIXES.items()}
    mixes = {}
    for line in map(json.loads, lines):
        if line["refused"]:
            continue
        types = by_kind(line["types"])
        mix = mixes.setdefault(names[line["fileType"]], {"types": types, "imatrix": {}})
        mix["imatrix"] = {kind: runs for kind, runs in types.items() if mix["types"][kind] != runs}
    result = {**facts, "tensors": {key: list(reversed(shape)) for key, shape in tensors.items() if "blk." not in key or ".0." in key}, "mixes": mixes}
    text = json.dumps(result, separators=(",", ":")).replace('},"', '},\n"')
    (HERE / f"{name}.json").write_text(text + "\n")
    print(name, len(text), len(mixes))


program = sys.argv[1]
case(program, "llama-16", "llama", 16, 512, 8, 2, 768)
case(program, "llama-80", "llama", 80, 256, 8, 1, 256)
case(program, "llama-experts", "llama", 8, 256, 8, 2, 256, experts=8)
case(program, "llama-uneven", "llama", 4, 192, 4, 4, 352)
case(program, "llama-odd", "llama", 2, 80, 4, 2, 144, head=False)
case(program, "qwen2", "qwen2", 12, 512, 16, 2, 1024, head=False)
case(program, "gemma2", "gemma2", 10, 256, 8, 4, 512, head=False)
case(program, "phi3", "phi3", 9, 256, 4, 4, 512)
case(program, "gpt2", "gpt2", 6, 256, 4, 4, 1024, head=False)
