"""Golden files of the tokenizer tests. Needs: pip install sentencepiece tokenizers transformers protobuf,
and on PYTHONPATH the gguf-py of the llama.cpp source that node-llama-cpp bundles (PyPI's gguf 0.19.0 resolves the special
tokens by older rules).

Run after `node scripts/make-demo-text.mjs`. Everything here comes from resources/demo/stories.txt or is
written out below; what is recorded is what the reference packages make of it.
"""

import json
import os
import tempfile
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
STORIES = Path("../../../resources/demo/stories.txt")
SPECIALS = ["<|bos|>", "<|eos|>", "<|pad|>", "<|im_start|>", "<|im_end|>"]
TEXTS = [
    "Once upon a time, there was a child named Mina.",
    "  two  spaces, a\ttab and\nlines\n\n",
    "Caf\u00e9 na\u00efve \u2603 \U0001f98a\u200d\U0001f525 \u4f60\u597d\uff0c\u4e16\u754c\uff01",
    "12345 + 67 = 12412; it's 'RE-done' we'll see...",
    "a\u0301 \u00a0\u0085\ufeff \u0001\u007f",
    "\u5c0f\u660e\u53bb\u4e86\u82b1\u56ed\u3002",
]


def write(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=True, indent=1) + "\n")


def make_merges():
    """What the trainer of Hugging Face's tokenizers learns from the demo text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        min_frequency=2,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([STORIES.read_text()], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    encoded = [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS]
    write("byte-level.json", {"merges": model["merges"], "encoded": encoded})


def make_sentencepiece():
    """A SentencePiece model, what gguf's vocabulary code reads from it, and how SentencePiece encodes with it."""
    sentencepiece.SentencePieceTrainer.train(
        input=str(STORIES),
        model_prefix="stories",
        model_type="bpe",
        vocab_size=700,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        split_digits=True,
        character_coverage=0.995,
        user_defined_symbols=["<note>"],
        control_symbols=["<turn>"],
        num_threads=1,
        minloglevel=2,
    )
    (HERE / "stories.vocab").unlink()
    processor = sentencepiece.SentencePieceProcessor(str(HERE / "stories.model"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tokenizer.model").write_bytes((HERE / "stories.model").read_bytes())
        rows = list(gguf.vocab.SentencePieceVocab(Path(folder)).all_tokens())
    write(
        "sentencepiece.json",
        {
            "tokens": [text.decode() for text, _, _ in rows],
            "scores": [score for _, score, _ in rows],
            "types": [int(type_) for _, _, type_ in rows],
            "encoded": [{"text": text, "ids": processor.encode(text)} for text in TEXTS],
        },
    )
    make_sentencepiece_json(processor)


def make_sentencepiece_json(processor):
    """The same vocabulary as the tokenizer.json that transformers derives from it: merges in place of scores."""
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tokenizer.model").write_bytes((HERE / "stories.model").read_bytes())
        settings = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "legacy": True}
        (Path(folder) / "tokenizer_config.json").write_text(json.dumps(settings))
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": "llama"}))
        AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
        (HERE / "sentencepiece-tokenizer.json").write_text((Path(folder) / "tokenizer.json").read_text())


def added(*contents):
    return [{"id": id_, "content": content, "special": True} for id_, content in enumerate(contents)]


def template(first, last, pair=None):
    special = lambda name: [{"SpecialToken": {"id": name, "type_id": 0}}] if name else []
    single = [*special(first), {"Sequence": {"id": "A", "type_id": 0}}, *special(last)]
    return {"type": "TemplateProcessing", "single": single, "pair": pair or [], "special_tokens": {}}


SEQUENCE_A, SEQUENCE_B = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}
MARK = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}

CASES = {
    "settings name the tokens, config.json fills the rest": {
        "tokenizer": {"added_tokens": added("<s>", "</s>", "<unk>")},
        "tokenizer_config": {"bos_token": "<s>", "eos_token": {"content": "</s>", "__type": "AddedToken"}},
        "config": {"bos_token_id": 7, "eos_token_id": 7, "pad_token_id": 5, "unk_token_id": 2},
    },
    "config.json alone, with a text part": {
        "tokenizer": {"added_tokens": added("<s>")},
        "tokenizer_config": {"model_max_length": 9},
        "config": {"eos_token_id": 4, "text_config": {"bos_token_id": 3, "eos_token_id": 6}},
    },
    "a template that adds both marks": {
        "tokenizer": {"added_tokens": added("<s>", "</s>"), "post_processor": template("<s>", "</s>")},
        "tokenizer_config": {"bos_token": "<s>", "eos_token": "</s>"},
        "config": {},
    },
    "settings override the template": {
        "tokenizer": {"added_tokens": added("<s>", "</s>"), "post_processor": template("<s>", "</s>")},
        "tokenizer_config": {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": False, "add_eos_token": False},
        "config": {},
    },
    "the template is inside a sequence": {
        "tokenizer": {
            "added_tokens": added("<s>", "</s>"),
            "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"}, template("<s>", None)]},
        },
        "tokenizer_config": {"bos_token": "<s>", "eos_token": "</s>"},
        "config": {},
    },
    "the template names a first token that the settings do not": {
        "tokenizer": {"added_tokens": added("<s>", "<x>"), "post_processor": template("<x>", None)},
        "tokenizer_config": {"eos_token": "<s>"},
        "config": {},
    },
    "the template begins with another token than the settings": {
        "tokenizer": {"added_tokens": added("<s>", "<x>"), "post_processor": template("<x>", None)},
        "tokenizer_config": {"bos_token": "<s>", "cls_token": "<s>"},
        "config": {},
    },
    "texts end otherwise than turns": {
        "tokenizer": {"added_tokens": added("<s>", "<turn>", "<end>"), "post_processor": template(None, "<end>")},
        "tokenizer_config": {"bos_token": "<s>", "eos_token": "<turn>"},
        "config": {},
    },
    "a separator between two texts": {
        "tokenizer": {
            "added_tokens": added("<s>", "</s>", "<sep>"),
            "post_processor": template("<s>", None, [MARK("<s>"), SEQUENCE_A, MARK("<sep>"), SEQUENCE_B]),
        },
        "tokenizer_config": {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "<sep>"},
        "config": {},
    },
    "two separators between two texts": {
        "tokenizer": {
            "added_tokens": added("<s>", "</s>"),
            "post_processor": template("<s>", "</s>", [MARK("<s>"), SEQUENCE_A, MARK("</s>"), MARK("</s>"), SEQUENCE_B, MARK("</s>")]),
        },
        "tokenizer_config": {"bos_token": "<s>", "eos_token": "</s>"},
        "config": {},
    },
    "roberta": {
        "tokenizer": {
            "added_tokens": added("<s>", "</s>", "<pad>", "<mask>"),
            "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]},
        },
        "tokenizer_config": {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "mask_token": "<mask>"},
        "config": {},
    },
    "class and separator stand in for begin and end": {
        "tokenizer": {"added_tokens": added("[CLS]", "[SEP]")},
        "tokenizer_config": {"cls_token": "[CLS]", "sep_token": "[SEP]"},
        "config": {},
    },
    "one chat template": {
        "tokenizer": {"added_tokens": added("<s>")},
        "tokenizer_config": {"bos_token": "<s>", "chat_template": "{{ a }}"},
        "files": {"chat_template.jinja": "{{ b }}", "chat_template.json": json.dumps({"chat_template": "{{ c }}"})},
        "config": {},
    },
    "chat templates by name": {
        "tokenizer": {"added_tokens": added("<s>")},
        "tokenizer_config": {
            "bos_token": "<s>",
            "chat_template": [{"name": "default", "template": "{{ a }}"}, {"name": "tool use", "template": "{{ b }}"}],
        },
        "config": {},
    },
    "a chat template in a file of its own, with others beside it": {
        "tokenizer": {"added_tokens": added("<s>")},
        "tokenizer_config": {"bos_token": "<s>"},
        "files": {"chat_template.jinja": "{{ b }}", "additional_chat_templates/rag.jinja": "{{ r }}"},
        "config": {},
    },
    "a chat template in the oldest place": {
        "tokenizer": {"added_tokens": added("<s>")},
        "tokenizer_config": {"bos_token": "<s>"},
        "files": {"chat_template.json": json.dumps({"chat_template": "{{ c }}"})},
        "config": {},
    },
}


class Recorder:
    """Stands in for a GGUFWriter and keeps what it is told."""

    def __init__(self, path):
        self.writer = gguf.GGUFWriter(path, "llama")

    def entries(self):
        (state,) = self.writer.kv_data
        return {key: value.value for key, value in state.items() if key.startswith("tokenizer.")}


def make_special_tokens():
    """What gguf's SpecialVocab makes of settings in all their places."""
    recorded = []
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "additional_chat_templates").mkdir()
            for file in ("tokenizer", "tokenizer_config", "config"):
                (root / f"{file}.json").write_text(json.dumps(case[file]))
            for file, text in case.get("files", {}).items():
                (root / file).write_text(text)
            recorder = Recorder(root / "out.gguf")
            gguf.SpecialVocab(root, n_vocab=16).add_to_gguf(recorder.writer, quiet=True)
            recorded.append({"name": name, **case, "expected": recorder.entries()})
    write("special-tokens.json", recorded)


if __name__ == "__main__":
    # The SentencePiece model keeps the paths it was made with.
    os.chdir(HERE)
    make_merges()
    make_sentencepiece()
    make_special_tokens()
