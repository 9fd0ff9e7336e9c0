"""Adapters that the real PEFT saves, and what its merge_and_unload makes of a seeded base: see README.md beside this folder."""

import json
import pathlib
import re
import shutil
import sys
import tempfile
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
warnings.filterwarnings("ignore")


def llama(tied=False):
    torch.manual_seed(1)
    config = LlamaConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=64, max_position_embeddings=64, attention_bias=True, mlp_bias=True, tie_word_embeddings=tied,
    )
    return LlamaForCausalLM(config)


def gpt2():
    torch.manual_seed(2)
    return GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=64, n_positions=32))


def stir(model, seed, size=0.2):
    """Training, in one step: every trainable number becomes another one."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        noise = torch.randn(parameter.shape, generator=generator)
        if "magnitude" in name:
            parameter.data = parameter.data * (1 + 0.2 * noise)
        elif "lora_" in name:
            parameter.data = size * noise
        else:
            parameter.data = parameter.data + 0.1 * noise


QV = ["q_proj", "v_proj"]
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CASES = {
    "plain": (llama, dict(r=4, lora_alpha=8, target_modules=QV)),
    "rslora-patterns": (
        llama,
        dict(
            r=4, lora_alpha=10, use_rslora=True, target_modules=ALL,
            rank_pattern={"layers.0.self_attn.q_proj": 3, "model.layers.1.mlp.(up|gate)_proj": 6, r".*\.down_proj": 2},
            alpha_pattern={"^model.layers.0.self_attn.k_proj": 3, "o_proj": 7, r"layers\.\d+\.mlp\.up_proj": 5},
        ),
    ),
    "dora": (llama, dict(r=3, lora_alpha=6, use_dora=True, target_modules=ALL + ["lm_head"])),
    "dora-second": (llama, dict(r=2, lora_alpha=3, use_dora=True, target_modules=["q_proj", "gate_proj"])),
    "biases": (llama, dict(r=2, lora_alpha=4, bias="all", target_modules=["k_proj", "down_proj"])),
    "lora-bias": (llama, dict(r=2, lora_alpha=5, lora_bias=True, target_modules=["v_proj", "gate_proj"])),
    "embedding": (llama, dict(r=3, lora_alpha=9, target_modules=["embed_tokens", "o_proj"])),
    "embedding-dora": (llama, dict(r=3, lora_alpha=9, use_dora=True, target_modules=["embed_tokens"])),
    "tokens": (llama, dict(r=2, lora_alpha=2, target_modules=QV, trainable_token_indices={"embed_tokens": [5, 1, 40]})),
    "tokens-tied": (lambda: llama(True), dict(r=2, lora_alpha=2, target_modules=QV, trainable_token_indices=[3, 9])),
    "saved": (llama, dict(r=2, lora_alpha=2, target_modules=QV, modules_to_save=["lm_head", "norm", "embed_tokens"])),
    "parameters": (llama, dict(r=2, lora_alpha=6, target_parameters=["mlp.up_proj.weight"], target_modules=["o_proj"])),
    "gpt2": (gpt2, dict(r=3, lora_alpha=6, fan_in_fan_out=True, target_modules=["c_attn", "c_proj", "c_fc"], bias="lora_only")),
    "gpt2-dora": (gpt2, dict(r=3, lora_alpha=6, use_dora=True, fan_in_fan_out=True, target_modules=["c_attn", "mlp.c_proj"])),
    "everything": (
        llama,
        dict(
            r=4, lora_alpha=6, use_rslora=True, use_dora=True, bias="all", lora_dropout=0.1, target_modules=ALL,
            exclude_modules=["model.layers.0.mlp.up_proj"], layers_to_transform=[0, 1], layers_pattern="layers",
            rank_pattern={"layers.1.self_attn.q_proj": 2, "gate_proj": 5}, alpha_pattern={r"layers\.0\..*k_proj": 3, "down_proj": 12},
            modules_to_save=["lm_head"], trainable_token_indices={"embed_tokens": [7, 2]}, init_lora_weights="gaussian",
        ),
    ),
}


def base_name(build):
    return "gpt2" if build is gpt2 else "llama-tied" if build().config.tie_word_embeddings else "llama"


def save_base(build):
    folder = HERE / f"base-{base_name(build)}"
    folder.mkdir(exist_ok=True)
    build().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def save_adapter(model, folder):
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    # Lists that come from sets have another order in every run.
    for key in ("target_modules", "modules_to_save", "exclude_modules"):
        if isinstance(config.get(key), list):
            config[key] = sorted(config[key])
    path.write_text(json.dumps(config, indent=2, sort_keys=False) + "\n")


def make(name):
    build, options = CASES[name]
    torch.manual_seed(3)
    model = get_peft_model(build(), LoraConfig(task_type="CAUSAL_LM", **options))
    stir(model, seed=len(name))
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    save_adapter(model, folder)
    # What a user would load, merged by what a user would call.
    merged = PeftModel.from_pretrained(build(), folder).merge_and_unload().state_dict()
    before = build().state_dict()
    changed = {key: value.contiguous() for key, value in merged.items() if not torch.equal(value, before[key])}
    assert set(merged) == set(before)
    if name == "tokens-tied":
        changed.pop("lm_head.weight", None)
    save_file(changed, folder / "merged.safetensors")
    print(name, sorted(load_file(folder / "adapter_model.safetensors"))[:3], len(changed))


def several():
    """Adapters merged one after the other, of which two are DoRA."""
    names = ["dora", "plain", "dora-second"]
    model = PeftModel.from_pretrained(llama(), HERE / names[0], adapter_name=names[0])
    for name in names[1:]:
        model.load_adapter(HERE / name, adapter_name=name)
    merged = model.merge_and_unload(adapter_names=names).state_dict()
    before = llama().state_dict()
    folder = HERE / "several"
    folder.mkdir(exist_ok=True)
    changed = {key: value.contiguous() for key, value in merged.items() if not torch.equal(value, before[key])}
    save_file(changed, folder / "merged.safetensors")
    print("several", len(changed))


def combine():
    """add_weighted_adapter, for every method that draws no random numbers."""
    weights = [0.7, -0.4]
    shared = dict(task_type="CAUSAL_LM", target_modules=["q_proj", "embed_tokens"])
    model = get_peft_model(llama(), LoraConfig(r=4, lora_alpha=8, **shared), adapter_name="one")
    model.add_adapter("two", LoraConfig(r=4, lora_alpha=6, use_rslora=True, **shared))
    for name in ("one", "two"):
        model.set_adapter(name)
        stir(model, seed=len(name) + (name == "two"))
    folder = HERE / "combine"
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("one", "two"):
            model.set_adapter(name)
            model.save_pretrained(temporary, selected_adapters=[name])
            target = folder / name
            target.mkdir(parents=True)
            for file in ("adapter_config.json", "adapter_model.safetensors"):
                shutil.copyfile(pathlib.Path(temporary) / name / file, target / file)
            path = target / "adapter_config.json"
            config = json.loads(path.read_text())
            config["target_modules"] = sorted(config["target_modules"])
            path.write_text(json.dumps(config, indent=2) + "\n")
    result = {}
    for method in ("linear", "cat", "ties", "ties-frequency", "magnitude_prune"):
        options = {} if method in ("linear", "cat") else dict(density=0.6)
        if method == "ties-frequency":
            options["majority_sign_method"] = "frequency"
        # use_rslora is inherited from the first adapter, which has none: the scale of the result is 1.
        model.add_weighted_adapter(["one", "two"], weights, method, combination_type=method.split("-")[0], **options)
        for key, value in model.state_dict().items():
            if f".{method}" in key and "lora_" in key:
                result[f"{method}/" + key.replace(f".{method}", "").removeprefix("base_model.model.")] = value.contiguous()
        model.delete_adapter(method)
    save_file(result, folder / "combined.safetensors")
    print("combine", len(result))


PATTERNS = [
    "q_proj", "model.layers.0.self_attn.q_proj", "layers.0.self_attn.q_proj", r".*\.q_proj", r"layers\.\d+\.mlp\.(up|gate)_proj",
    "^model.layers.1", "^model.*up_proj$", "[qk]_proj", "[^q]_proj", "proj", r"layers\.(0|1)\..*", "(?:q|v)_proj",
    "layers.1?0.self_attn.k_proj", "q_proj|k_proj", r"\w+", r"layers\.\d{2}\..*q_proj", "(a+)+b", "self_attn.*", "", "model", "up_proj?",
    r"layers\.[0-4]\.mlp\.up_proj", r".*[_-]proj", "(l|la|lay)*yers.+?q_proj",
]
PATHS = [
    "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.k_proj", "model.layers.10.self_attn.q_proj", "model.layers.1.mlp.up_proj",
    "model.layers.3.mlp.gate_proj", "lm_head", "transformer.h.0.attn.c_attn", "q_proj", "xq_proj", "model.layers.0.self_attn.v_proj",
]


def patterns():
    """Which paths Python's own expressions match, asked as PEFT asks (get_pattern_key)."""
    found = {pattern: [path for path in PATHS if re.match(rf"(.*\.)?({pattern})$", path)] for pattern in PATTERNS}
    (HERE / "patterns.json").write_text(json.dumps({"paths": PATHS, "matches": found}, indent=2) + "\n")


if __name__ == "__main__":
    patterns()
    for build in (llama, lambda: llama(True), gpt2):
        save_base(build)
    for name in sys.argv[1:] or CASES:
        make(name)
    several()
    combine()
