"""The same steps by PyTorch and PEFT, as `npm run bench -- train` times them: `python peft-train.py SETTINGS.json`.

Needs torch, transformers and peft. Rows are one batch, as PyTorch likes them best. Prints JSON.
"""

import json
import os
import resource
import sys
import time
from importlib.metadata import version

os.environ["HF_HUB_OFFLINE"] = "1"
with open(sys.argv[1]) as file:
    settings = json.load(file)

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

torch.set_num_threads(settings["threads"])
base = AutoModelForCausalLM.from_pretrained(settings["model"], dtype=torch.float32, attn_implementation="sdpa")
model = PeftModel.from_pretrained(base, settings["adapter"], is_trainable=True)
if settings["checkpointing"]:
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable({"use_reentrant": False})
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
for name, p in model.named_parameters():
    if "lora_B" in name:
        p.data.zero_()
optimizer = torch.optim.AdamW(trained, lr=settings["learningRate"], weight_decay=0)
rows = torch.tensor(settings["rows"])
losses, seconds = [], []
for _ in range(settings["steps"]):
    start = time.perf_counter()
    loss = model(input_ids=rows, labels=rows, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1)
    optimizer.step()
    optimizer.zero_grad()
    seconds.append(time.perf_counter() - start)
    losses.append(loss.item())
print(
    json.dumps(
        {
            "losses": losses,
            "seconds": seconds,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "versions": ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft")),
        }
    )
)
