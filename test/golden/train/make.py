"""Three optimizer steps by PyTorch, transformers and PEFT on tiny seeded models: see README.md beside this folder."""

import json
import pathlib
import sys
import warnings

import gguf
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, LlamaConfig, Qwen3Config

HERE = pathlib.Path(__file__).parent
warnings.filterwarnings("ignore")
torch.set_num_threads(1)

SIZES = dict(
    hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
    vocab_size=40, max_position_embeddings=64, rms_norm_eps=1e-5, attn_implementation="eager",
)
GEMMA = dict(SIZES, sliding_window=6, tie_word_embeddings=True, query_pre_attn_scalar=8)
FAMILIES = {
    "llama": lambda: LlamaConfig(**SIZES, tie_word_embeddings=False),
    "qwen3": lambda: Qwen3Config(**SIZES, tie_word_embeddings=False),
    "gemma2": lambda: Gemma2Config(**GEMMA, attn_logit_softcapping=5.0, final_logit_softcapping=3.0),
    "gemma3": lambda: Gemma3TextConfig(**GEMMA, sliding_window_pattern=2),
}
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# family, PEFT's settings (none: every weight is trained), learning rate of lora_B by that of the others
CASES = {
    "llama-plain": ("llama", dict(r=4, lora_alpha=8, target_modules=ALL), 1),
    "llama-rslora-plus": ("llama", dict(r=4, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"]), 4),
    "llama-dora": ("llama", dict(r=4, lora_alpha=8, use_dora=True, target_modules=ALL), 1),
    "llama-whole": ("llama", None, 1),
    "qwen3-plain": ("qwen3", dict(r=4, lora_alpha=8, target_modules=ALL), 1),
    "qwen3-whole": ("qwen3", None, 1),
    "gemma2-plain": ("gemma2", dict(r=4, lora_alpha=8, target_modules=ALL), 1),
    "gemma3-plain": ("gemma3", dict(r=4, lora_alpha=8, target_modules=ALL), 1),
    "gemma3-whole": ("gemma3", None, 1),
}
SETTINGS = dict(learningRate=2e-3, weightDecay=0.1, maxGradNorm=0.4, beta1=0.9, beta2=0.98, epsilon=1e-6)
STEPS = 3

PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}
GEMMA_PARTS = dict(
    PARTS, post_attention_layernorm="post_attention_norm", pre_feedforward_layernorm="ffn_norm", post_feedforward_layernorm="post_ffw_norm"
)
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def gguf_name(path, family):
    """`model.layers.0.mlp.up_proj` → `blk.0.ffn_up`"""
    if path in OUTSIDE:
        return OUTSIDE[path]
    _, _, layer, part = path.split(".", 3)
    return f"blk.{layer}.{(GEMMA_PARTS if family.startswith('gemma') else PARTS)[part]}"


def gguf_values(name, kind, values, config, family):
    """As GGUF files have them: llama's heads turn in pairs, so their outputs stand in another order; Gemma's norms are stored from 1."""
    if family == "llama" and (name.endswith("attn_q") or name.endswith("attn_k")) and kind != "lora_a":
        heads = config.num_attention_heads if name.endswith("attn_q") else config.num_key_value_heads
        values = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
    if family.startswith("gemma") and name.endswith("norm"):
        values = values + 1
    return values.detach().clone().contiguous()


def stir(parameters, embedding=1.0):
    generator = torch.Generator().manual_seed(5)
    for name, p in parameters:
        noise = torch.randn(p.shape, generator=generator)
        if "magnitude" in name:
            p.data = p.data * (1 + 0.1 * noise)
        elif "lora_" in name:
            p.data = 0.15 * noise
        elif "norm" in name:
            p.data = p.data + 0.1 * noise
        elif "embed" in name:
            p.data = embedding * noise
        else:
            p.data = noise / p.shape[1] ** 0.5


def write_gguf(path, family, model, config):
    writer = gguf.GGUFWriter(path, family)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters
    writer.add_rope_freq_base((rope.get("full_attention") or rope)["rope_theta"])
    if family.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
        writer.add_uint32(f"{family}.attention.sliding_window_pattern", 2)
    if family == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    for path_in_model, p in model.named_parameters():
        name = gguf_name(path_in_model.removesuffix(".weight"), family)
        writer.add_tensor(f"{name}.weight", gguf_values(name, "weight", p, config, family).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rows(config):
    """Two samples of different length; the first third of each is not trained."""
    generator = torch.Generator().manual_seed(9)
    found = []
    for length in (20, 13):
        tokens = torch.randint(1, config.vocab_size, (length,), generator=generator).tolist()
        labels = [-1 if place + 1 < length // 3 or place + 1 == length else tokens[place + 1] for place in range(length)]
        found.append({"tokens": tokens, "labels": labels})
    return found


def trained(model, family, config):
    """Every trained number under the name that Lathe's trainer gives it, in GGUF's order."""
    found = {}
    for path, p in model.named_parameters():
        if not p.requires_grad:
            continue
        path = path.removeprefix("base_model.model.")
        kind = next((k for k in ("lora_a", "lora_b", "lora_magnitude") if k in path.lower()), "weight")
        name = gguf_name(path.split(".lora_")[0].removesuffix(".weight"), family)
        found[name + (".weight" if kind == "weight" else f".weight.{kind}")] = gguf_values(name, kind, p, config, family)
    return found


def make(case):
    family, peft, ratio = CASES[case]
    torch.manual_seed(0)
    config = FAMILIES[family]()
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    # Gemma multiplies its embeddings with the root of their length.
    stir(model.named_parameters(), 0.2 if family.startswith("gemma") else 1)
    write_gguf(HERE / f"{family}.gguf", family, model, config)
    if peft is not None:
        model = get_peft_model(model, LoraConfig(**peft))
        stir((name, p) for name, p in model.named_parameters() if "lora_" in name)
    data = rows(config)
    count = sum(label >= 0 for row in data for label in row["labels"])
    groups = {}
    for name, p in model.named_parameters():
        if p.requires_grad:
            rate = SETTINGS["learningRate"] * (ratio if "lora_B" in name else 1)
            groups.setdefault((rate, 0.0 if p.dim() == 1 else SETTINGS["weightDecay"]), []).append(p)
    optimizer = torch.optim.AdamW(
        [dict(params=ps, lr=rate, weight_decay=decay) for (rate, decay), ps in groups.items()],
        betas=(SETTINGS["beta1"], SETTINGS["beta2"]), eps=SETTINGS["epsilon"],
    )
    # Whole weights begin as the file has them.
    tensors = {} if peft is None else {f"0/{name}": values for name, values in trained(model, family, config).items()}
    losses, norms = [], []
    model.eval()
    for step in range(1, STEPS + 1):
        total = 0
        for row in data:
            logits = model(torch.tensor([row["tokens"]])).logits[0]
            labels = torch.tensor([-100 if label < 0 else label for label in row["labels"]])
            loss = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum") / count
            loss.backward()
            total += loss.item()
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, SETTINGS["maxGradNorm"]).item())
        losses.append(total)
        optimizer.step()
        optimizer.zero_grad()
        if step in (1, STEPS):
            tensors |= {f"{step}/{name}": values for name, values in trained(model, family, config).items()}
    path = HERE / f"{case}.safetensors"
    save_file(tensors, path)
    path.chmod(0o644)
    scale = 1 if peft is None else peft["lora_alpha"] / (peft["r"] ** 0.5 if peft.get("use_rslora") else peft["r"])
    return {
        "family": family, "rank": 0 if peft is None else peft["r"], "scale": scale, "dora": bool(peft and peft.get("use_dora")),
        "settings": dict(SETTINGS, learningRateB=SETTINGS["learningRate"] * ratio), "rows": data, "losses": losses, "gradNorms": norms,
    }


if __name__ == "__main__":
    made = {case: make(case) for case in sys.argv[1:] or CASES}
    if not sys.argv[1:]:
        (HERE / "steps.json").write_text(json.dumps(made, indent=1) + "\n")
    for case, found in made.items():
        print(case, found["losses"], found["gradNorms"])
