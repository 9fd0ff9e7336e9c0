"""PEFT's own merge, as `npm run bench -- adapters` times it: `python peft-merge.py MODEL ADAPTER OUTPUT THREADS`.

Needs torch, transformers and peft. The time is that of loading, merge_and_unload and save_pretrained, without the imports. Prints JSON.
"""

import json
import os
import resource
import sys
import time
from importlib.metadata import version

model_path, adapter_path, output_path, threads = sys.argv[1:]
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

torch.set_num_threads(int(threads))
before = os.times()
start = time.perf_counter()
base = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.bfloat16)
PeftModel.from_pretrained(base, adapter_path).merge_and_unload().save_pretrained(output_path)
# As Lathe's is, the result is on the disk when it ends.
for name in os.listdir(output_path):
    with open(os.path.join(output_path, name), "rb+") as file:
        os.fsync(file.fileno())
seconds = time.perf_counter() - start
after = os.times()
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpuSeconds": after.user + after.system - before.user - before.system,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "versions": ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft")),
        }
    )
)
