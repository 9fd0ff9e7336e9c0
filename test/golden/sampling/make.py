"""Tokens that transformers' NoRepeatNGramLogitsProcessor bans: python make.py > no-repeat-ngram.json

Made with transformers 5.x and torch 2.x; the sequences are drawn from a few tokens, so that runs repeat.
"""

import json
import random

import torch
from transformers import NoRepeatNGramLogitsProcessor

random.seed(7)
cases = []
for size in (1, 2, 3, 5):
    for length in (0, 1, 2, 4, 9, 40, 120):
        vocabulary = random.choice((2, 3, 6))
        tokens = [random.randrange(vocabulary) for _ in range(length)]
        ids = torch.tensor([tokens], dtype=torch.long)
        scores = NoRepeatNGramLogitsProcessor(size)(ids, torch.zeros(1, 8))
        banned = [token for token, score in enumerate(scores[0].tolist()) if score == float("-inf")]
        cases.append({"size": size, "tokens": tokens, "banned": banned})
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
