"""Folders as they lie about: old files, declared classes, added tokens; ids as in transformers."""

import json
import random
import shutil

import pytest
import transformers

from kerasx.tokenizers import HuggingFaceTokenizer, Tokenizer, load_tokenizer
from tests.tokenizers.folders import make_folder, texts, write_json
from tests.tokenizers.test_loading import HARD

pytestmark = pytest.mark.backend_free


def token(content, **flags):
    names = ("lstrip", "rstrip", "single_word", "normalized")
    return {"content": content, "special": True, **dict.fromkeys(names, False), **flags}


FRAME = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {
        "<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}
    },
}
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}
GENERIC = {"tokenizer_class": "PreTrainedTokenizerFast"}
ADDED = {
    "1": token("[unused1]"),
    "2": token("[E1]", special=False, normalized=True),
    "9000": token("Foo bar", special=False, normalized=True),
    "9001": token("天天", lstrip=True),
}
MASK = {"mask_token": token("[MASK]", lstrip=True, normalized=True)}
# name -> (folder, whether saved by transformers 5, {file: changes})
VARIANTS = {
    "modernbert": ("roberta", True, {"config": {"model_type": "modernbert"}, "options": GENERIC}),
    "wrong class": (
        "roberta",
        True,
        {"config": {"model_type": "modernbert"}, "options": {"tokenizer_class": "BertTokenizer"}},
    ),
    "llama 3": (
        "gpt2",
        True,
        {"config": {"model_type": "llama"}, "options": {**GENERIC, "bos_token": "<|begin|>"}},
    ),
    "byte-level llama": (
        "gpt2",
        True,
        {
            "config": {"model_type": "llama"},
            "options": {"tokenizer_class": "LlamaTokenizerFast"},
            "tokenizer": {"post_processor": FRAME},
        },
    ),
    "frame": (
        "gpt2",
        True,
        {"options": {"pad_token": "<pad>"}, "tokenizer": {"post_processor": FRAME}},
    ),
    "qwen3": ("qwen2", False, {"config": {"model_type": "qwen3"}}),
    "generic qwen2": ("qwen2", True, {"options": GENERIC}),
    "case of the class": ("bert-cased", True, {"options": {"do_lower_case": None}}),
    "other names": ("bert", False, {"options": {"pad_token": "[P]", "cls_token": "[unused1]"}}),
    "added": ("bert", False, {"options": {"added_tokens_decoder": ADDED}}),
    "old map": ("bert", False, {"special_tokens_map": MASK, "added_tokens": {"<q>": 5000}}),
    "space": ("roberta", True, {"options": {"add_prefix_space": True}}),
    "no trim": ("roberta", False, {"options": {"trim_offsets": False}}),
    "old steps": ("deberta-v2", True, {"tokenizer": {"normalizer": STRIP}}),
    "generic xlm": ("xlm-roberta", True, {"options": GENERIC}),
    "sentinels": (
        "t5",
        False,
        {"options": {"additional_special_tokens": ["<extra_id_0>", "<z>"], "extra_ids": 1}},
    ),
    "named extra": ("t5", False, {"options": {"extra_special_tokens": {"image_token": "<img>"}}}),
    "accents": ("albert", True, {"options": {"keep_accents": True}}),
    "no space": ("llama", False, {"options": {"add_prefix_space": False}}),
    "frame of the file": ("llama-new", True, {"options": {"add_bos_token": False}}),
    "typed as text": ("gpt2", False, {"options": {"split_special_tokens": True, "x_token": "<x>"}}),
}
FILES = {"options": "tokenizer_config"}
PARTS = [
    " ",
    "\n",
    "\t",
    "  ",
    "天",
    "a",
    "\u0301",
    "\u200d",
    "ﬁ",
    "İ",
    "é",
    "É",
    "각",
    "😀",
    "'s",
    "``",
]
PARTS += "12 ， - foo天天 天天 [MASK] [mask] [E1] [P] <mask> <s> </s> <z> <q> <x> <img>".split()
PARTS += "Foo bar,foo bar,<|begin|>,<extra_id_0>,<|endoftext|>,<|im_end|>,<tool_call>".split(",")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return a function of (folder name, saved) to the folder."""
    root, made = tmp_path_factory.mktemp("base"), {}

    def folder(name, saved):
        if (name, saved) not in made:
            made[name, saved] = root / f"{name}-{saved}"
            if saved:
                plain = folder(name, False)
                transformers.AutoTokenizer.from_pretrained(plain).save_pretrained(made[name, True])
                shutil.copy(plain / "config.json", made[name, True])
            else:
                make_folder(name, made[name, False])
        return made[name, saved]

    return folder


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_have_the_ids_of_transformers(name, base, tmp_path):
    start, saved, changes = VARIANTS[name]
    folder = tmp_path / "folder"
    shutil.copytree(base(start, saved), folder)
    for kind, entries in changes.items():
        path = folder / f"{FILES.get(kind, kind)}.json"
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        found |= entries
        write_json(folder, path.name, {k: v for k, v in found.items() if v is not None})
    theirs, ours = transformers.AutoTokenizer.from_pretrained(folder), load_tokenizer(folder)
    draw = random.Random(name)
    mixed = ["".join(draw.choices(PARTS, k=draw.randint(1, 12))) for _ in range(40)]
    for text in [*texts()[::20], *HARD, *mixed]:
        found = theirs(text, return_offsets_mapping=True)
        _, offsets = ours.tokenize_with_offsets(text)
        assert ours.encode(text)[0] == found["input_ids"], text
        inner = [i for i, span in enumerate(found["offset_mapping"]) if span != (0, 0)]
        assert [offsets[i] for i in inner] == [found["offset_mapping"][i] for i in inner], text
        if isinstance(ours, HuggingFaceTokenizer):
            ids = found["input_ids"]
            assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)
    assert ours.vocab_size == len(theirs)
    assert (ours.pad_id, ours.mask_id) == (theirs.pad_token_id, theirs.mask_token_id)
    assert isinstance(ours, Tokenizer) == (name in ("case of the class",))
