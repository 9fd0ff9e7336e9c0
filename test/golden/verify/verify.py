"""Loads the folders of make.ts with the programs that they are for, and compares with what Lathe reads back.

    python verify.py OUT [bitsandbytes] [compressed-tensors] [gptqmodel]

For every linear layer: the values that the program dequantizes, against Lathe's. For the whole model: logits against
the same model in float32 with Lathe's dequantized weights. Prints a Markdown table; exits with 1 where a value differs.
"""

import json
import logging
import os
import sys
import warnings
from importlib.metadata import version

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

out, *programs = sys.argv[1:]
cases = json.load(open(f"{out}/cases.json"))
prompt = torch.tensor([[1, 20, 300, 45, 7, 99, 250, 3, 3, 17, 64, 81]])


def bitsandbytes_weights(folder):
    import bitsandbytes as bnb

    model = AutoModelForCausalLM.from_pretrained(folder, device_map="cpu", dtype="auto").eval()
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, bnb.nn.Linear8bitLt):
            codes, scales = (module.state.CB, module.state.SCB) if module.weight.CB is None else (module.weight.CB, module.weight.SCB)
            found[name] = bnb.functional.int8_vectorwise_dequant(codes, scales)
        elif isinstance(module, bnb.nn.Linear4bit):
            found[name] = bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state)
    return model, found


def compressed_weights(folder):
    from transformers.utils.quantization_config import CompressedTensorsConfig

    model = AutoModelForCausalLM.from_pretrained(
        folder, device_map="cpu", dtype="auto", quantization_config=CompressedTensorsConfig(run_compressed=False)
    ).eval()
    found = {name: m.weight.data for name, m in model.named_modules() if hasattr(m, "quantization_scheme")}
    return model, found


def gptqmodel_weights(folder):
    from gptqmodel import BACKEND, GPTQModel
    from gptqmodel.nn_modules.qlinear import BaseQuantLinear

    # Its default on a CPU is bfloat16, which would round the scales; float16 is what they are stored in.
    model = GPTQModel.load(folder, device="cpu", backend=BACKEND.GPTQ_TORCH, dtype=torch.float16)
    found = {
        name: module.dequantize_weight().T.contiguous()
        for name, module in model.model.named_modules()
        if isinstance(module, BaseQuantLinear)
    }
    return model.model.eval(), found


readers = {"bitsandbytes": bitsandbytes_weights, "compressed-tensors": compressed_weights, "gptqmodel": gptqmodel_weights}


def program_of(target):
    return "compressed-tensors" if target == "int8-zp" else "gptqmodel" if target.startswith("gptq") else "bitsandbytes"


def decoded_weight(decoded, name):
    """A linear layer as [out, in]; GPT-2's Conv1D keeps floats as [in, out]."""
    weight = decoded[f"{name}.weight"] if f"{name}.weight" in decoded else decoded[f"{name.removeprefix('model.')}.weight"]
    return weight.T if ".h." in f".{name}" else weight


rows, failed = [], False
for case in cases:
    program = program_of(case["target"])
    if programs and program not in programs:
        continue
    decoded = load_file(f"{case['decoded']}/model.safetensors")
    row = {"model": case["model"], "recipe": case["recipe"], "program": program}
    rows.append(row)
    try:
        model, found = readers[program](case["folder"])
    except Exception as error:
        row["layers"] = f"does not load: {type(error).__name__}: {str(error)[:200]}"
        failed = True
        continue
    different, worst = 0, 0.0
    for name, theirs in found.items():
        ours = decoded_weight(decoded, name)
        assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
        if not torch.equal(ours.to(theirs.dtype), theirs):
            different += 1
            worst = max(worst, ((ours - theirs.float()).abs().max() / ours.abs().max()).item())
    row["layers"] = f"{len(found) - different} of {len(found)} equal" + (f", worst {worst:.1e}" if different else "")
    failed = failed or different > 0 or not found
    reference = AutoModelForCausalLM.from_pretrained(case["decoded"], dtype=torch.float32).eval()
    with torch.no_grad():
        ours = reference(prompt).logits
        try:
            theirs = model(prompt).logits.float()
            row["logits"] = f"{((theirs - ours).norm() / ours.norm()).item():.1e}"
        except RuntimeError as error:
            row["logits"] = f"does not run: {str(error)[:60]}"
    row["dtype"] = str(next(p.dtype for p in model.parameters() if p.is_floating_point())).removeprefix("torch.")

used = ["torch", "transformers", *sorted({row["program"] for row in rows})]
print(", ".join(f"{name} {version(name)}" for name in used), end="\n\n")
print("| model | recipe | program | layers | logits, relative | computes in |\n| --- | --- | --- | --- | --- | --- |")
for row in rows:
    print("| " + " | ".join(row.get(key, "") for key in ("model", "recipe", "program", "layers", "logits", "dtype")) + " |")
sys.exit(1 if failed else 0)
