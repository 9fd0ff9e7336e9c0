"""Golden files for the model families: tiny models through transformers' own classes and llama.cpp's own converter.

    python make.py PATH_TO_LLAMA_CPP OUTPUT_FOLDER

Needs torch, transformers and the gguf package inside the llama.cpp checkout; versions are in the README beside this folder.
The weights follow from the tensor names by a formula that the tests repeat, so no weights are stored.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

LLAMA_CPP, OUTPUT = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(LLAMA_CPP))

import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

import conversion  # noqa: E402
from conversion.base import ModelBase, ModelType, get_model_architecture, gguf  # noqa: E402

conversion.load_all_models()

SMALL = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=0)


def longrope(pairs):
    return {"type": "longrope", "long_factor": [1 + 0.37 * i for i in range(pairs)], "short_factor": [1 + 0.05 * i for i in range(pairs)]}


CASES = {
    "llama": (transformers.LlamaConfig, dict(
        SMALL, max_position_embeddings=4096, rope_theta=500000.0, attention_bias=True, mlp_bias=True,
        rope_scaling={"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
        torch.float32),
    "llama-tied": (transformers.LlamaConfig, dict(SMALL, tie_word_embeddings=True, rope_scaling={"type": "linear", "factor": 2.0}), torch.bfloat16),
    "mistral": (transformers.MistralConfig, dict(SMALL, head_dim=16, sliding_window=64, rope_theta=1000000.0, rms_norm_eps=1e-5), torch.bfloat16),
    "mistral-full": (transformers.MistralConfig, dict(SMALL, sliding_window=None), torch.float16),
    "qwen2": (transformers.Qwen2Config, dict(
        SMALL, tie_word_embeddings=True, rope_theta=1000000.0,
        rope_scaling={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.1}),
        torch.float16),
    "qwen3": (transformers.Qwen3Config, dict(SMALL, head_dim=16, rope_theta=1000000.0), torch.bfloat16),
    "gemma": (transformers.GemmaConfig, dict(SMALL, num_key_value_heads=1, head_dim=16), torch.bfloat16),
    "gemma2": (transformers.Gemma2Config, dict(SMALL, head_dim=16, sliding_window=64, query_pre_attn_scalar=16), torch.float32),
    "gemma3": (transformers.Gemma3TextConfig, dict(
        SMALL, num_hidden_layers=7, head_dim=16, sliding_window=64, query_pre_attn_scalar=16, final_logit_softcapping=20.0,
        rope_scaling={"rope_type": "linear", "factor": 8.0}), torch.bfloat16),
    "gemma3-vision": (transformers.Gemma3Config, dict(
        text_config=dict(SMALL, head_dim=16, sliding_window=64, query_pre_attn_scalar=16),
        vision_config=dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14),
        mm_tokens_per_image=4), torch.bfloat16),
    "phi3": (transformers.Phi3Config, dict(SMALL, sliding_window=48, original_max_position_embeddings=128), torch.bfloat16),
    "phi3-long": (transformers.Phi3Config, dict(
        SMALL, hidden_size=64, max_position_embeddings=4096, original_max_position_embeddings=512, partial_rotary_factor=0.75,
        rope_scaling=longrope(6), tie_word_embeddings=True), torch.bfloat16),
    "smollm3": (transformers.SmolLM3Config, dict(SMALL, num_hidden_layers=4), torch.bfloat16),
    "gpt2": (transformers.GPT2Config, dict(
        vocab_size=96, n_positions=64, n_ctx=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2), torch.float32),
}

# config.json with only what the class has no sensible default for: the converter then sees the defaults of transformers' own classes.
BARE = dict(vocab_size=96, hidden_size=64, intermediate_size=48, num_hidden_layers=4)
DEFAULTS = {
    "llama": (transformers.LlamaConfig, dict(BARE, num_attention_heads=4)),
    "mistral": (transformers.MistralConfig, dict(BARE, num_attention_heads=8)),
    "qwen2": (transformers.Qwen2Config, dict(BARE, num_attention_heads=32)),
    "qwen3": (transformers.Qwen3Config, dict(BARE, num_attention_heads=32)),
    "gemma": (transformers.GemmaConfig, dict(BARE, num_attention_heads=16)),
    "gemma2": (transformers.Gemma2Config, dict(BARE, num_attention_heads=4)),
    "gemma3": (transformers.Gemma3TextConfig, dict(BARE)),
    "phi3": (transformers.Phi3Config, dict(BARE, num_attention_heads=4, pad_token_id=0)),
    "smollm3": (transformers.SmolLM3Config, dict(BARE, num_attention_heads=4, pad_token_id=0)),
    "gpt2": (transformers.GPT2Config, dict(vocab_size=96, n_positions=64, n_ctx=64, n_embd=32, n_layer=2, n_head=4)),
}

CLASSES = {"gemma3": transformers.Gemma3ForCausalLM, "gemma3-vision": transformers.Gemma3ForConditionalGeneration}

GENERATION = {"bos_token_id": 1, "eos_token_id": 2, "temperature": 0.6, "top_k": 40, "top_p": 0.95, "repetition_penalty": 1.05}


def weights(name: str, shape: list[int]) -> torch.Tensor:
    """24-bit multiples of 2^-24 in [-0.5, 0.5): exact in F32. The hash of element i is murmur3's finalizer of FNV-1a(name) + i * 0x9E3779B9."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    count = int(np.prod(shape))
    h = np.uint64(seed) + np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B9)
    h = (h & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    with np.errstate(over="ignore"):
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    values = ((h >> np.uint32(8)).astype(np.float64) - 2**23) * 2.0**-24
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def make_folder(folder: Path, case: str) -> list[dict]:
    config_class, fields, dtype = CASES[case]
    config = config_class(**fields)
    model_class = CLASSES.get(case) or transformers.AutoModelForCausalLM._model_mapping[config_class]
    model = model_class(config).to(dtype)
    model.save_pretrained(folder)
    path = folder / "model.safetensors"
    names = {name: list(tensor.shape) for name, tensor in load_file(path).items()}
    if case == "llama":  # a buffer that files of older transformers versions carry, and a licence
        names["model.layers.0.self_attn.rotary_emb.inv_freq"] = [4]
        (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n")
    save_file({name: weights(name, shape).to(dtype) for name, shape in names.items()}, path, {"format": "pt"})
    (folder / "generation_config.json").write_text(json.dumps(GENERATION if case == "qwen3" else {"bos_token_id": 1}))
    # Only its length matters: gemma3 cuts the embedding to it.
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {str(i): i for i in range(96)}}, "added_tokens": []}))
    dtype_name = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}[dtype]
    return [[name, dtype_name, shape] for name, shape in sorted(names.items())]


def convert(folder: Path, target: str) -> dict:
    file_type = {"f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16, "bf16": gguf.LlamaFileType.MOSTLY_BF16}[target]
    hparams = ModelBase.load_hparams(folder, False)
    model_class = ModelBase.from_model_architecture(get_model_architecture(hparams, ModelType.TEXT), ModelType.TEXT)
    # The vocabulary has goldens of its own; these models have no tokenizer.
    model_class.set_vocab = lambda self: None
    out = folder / f"{target}.gguf"
    model_class(folder, file_type, out, model_name="Tiny").write()
    reader = gguf.GGUFReader(out)
    entries = []
    for key, field in reader.fields.items():
        if key.startswith("GGUF."):
            continue
        value = field.contents()
        entries.append([key, "/".join(kind.name for kind in field.types), value])
    tensors = [
        [t.name, t.tensor_type.name, [int(d) for d in t.shape], hashlib.sha256(t.data.tobytes()).hexdigest()]
        for t in reader.tensors
    ]
    return {"entries": entries, "tensors": sorted(tensors)}


def dump(golden: dict) -> str:
    """One line for each leaf: small, and readable in a diff."""
    def rows(items: list) -> str:
        return "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]"

    targets = ",\n".join(
        f'"{target}": {{"entries": {rows(made["entries"])},\n"tensors": {rows(made["tensors"])}}}' for target, made in golden["targets"].items()
    )
    head = ",\n".join(f'"{key}": {json.dumps(golden[key])}' for key in ("config", "generationConfig"))
    return f'{{{head},\n"sources": {rows(golden["sources"])},\n"targets": {{{targets}}}}}\n'


PROMPT = [(7 * i + 3) % 90 for i in range(12)]


def next_token(folder: Path, case: str) -> list[float]:
    """transformers' own log-probabilities of the token after the prompt, computed in F32."""
    model_class = CLASSES.get(case) or transformers.AutoModelForCausalLM
    model = model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([PROMPT])).logits[0, -1]
    return [round(value, 6) for value in torch.log_softmax(logits.double(), -1).tolist()]


def make_defaults() -> dict:
    goldens = {}
    for family, (config_class, fields) in DEFAULTS.items():
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "tiny"
            folder.mkdir()
            model = (CLASSES.get(family) or transformers.AutoModelForCausalLM._model_mapping[config_class])(config_class(**fields))
            model.save_pretrained(folder)
            config = {"architectures": [type(model).__name__], "model_type": model.config.model_type, **fields}
            (folder / "config.json").write_text(json.dumps(config))
            (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {str(i): i for i in range(96)}}, "added_tokens": []}))
            entries = convert(folder, "f16")["entries"]
            own = [entry for entry in entries if not entry[0].startswith("general.") or entry[0] == "general.file_type"]
            goldens[family] = {"config": config, "entries": own}
    return goldens


def llama3_divisors(base: float, dim: int, factor: float, low: float, high: float, original: int) -> list[float]:
    """What the converter computes for rope_freqs.weight, in torch's single precision."""
    config = dict(head_dim=dim, hidden_size=dim, num_attention_heads=1)
    rope = dict(rope_type="llama3", rope_theta=base, factor=factor, low_freq_factor=low, high_freq_factor=high, original_max_position_embeddings=original)
    llama = object.__new__(ModelBase.from_model_architecture("LlamaForCausalLM", ModelType.TEXT))
    llama.hparams, llama.rope_parameters = config, rope
    [(_, tensor)] = llama.generate_extra_tensors()
    return tensor.tolist()


torch.manual_seed(0)
predictions = {}
ROPES = [(500000.0, 128, 8.0, 1.0, 4.0, 8192), (500000.0, 64, 32.0, 1.0, 4.0, 8192), (10000.0, 80, 4.0, 1.0, 8.0, 2048)]
(OUTPUT / "llama3-divisors.json").write_text(json.dumps([[*rope, llama3_divisors(*rope)] for rope in ROPES]) + "\n")
defaults = ",\n".join(f"{json.dumps(family)}: {json.dumps(golden)}" for family, golden in make_defaults().items())
(OUTPUT / "defaults.json").write_text(f"{{\n{defaults}\n}}\n")
for case in CASES:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "tiny"
        folder.mkdir()
        sources = make_folder(folder, case)
        golden = {
            "config": json.loads((folder / "config.json").read_text()),
            "generationConfig": json.loads((folder / "generation_config.json").read_text()),
            "sources": sources,
            "targets": {target: convert(folder, target) for target in ("f32", "f16", "bf16")},
        }
        predictions[case] = next_token(folder, case)
        (OUTPUT / f"{case}.json").write_text(dump(golden))
        print(case, len(sources), "tensors")
rows = ",\n".join(f"{json.dumps(case)}: {json.dumps(row)}" for case, row in predictions.items())
(OUTPUT / "predictions.json").write_text(f'{{"prompt": {PROMPT},\n"logProbabilities": {{\n{rows}\n}}}}\n')
