"""Write random models of transformers as people have them: names, formats and dtypes at random."""

import json
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from tests.parity.random_families import FAMILIES, Family, random_model

__all__ = ["Folder", "outputs_of", "random_folder"]

DTYPES = ["float32", "float32", "float16", "bfloat16"]
WRAPPERS = ["module.", "_orig_mod.", "model.", "module._orig_mod.", "net.model."]
OTHERS = ["bert_model.", "backbone.", "text_encoder."]
LENGTHS, WIDTH = (9, 5), 9
# keys of configurations that people have, which change no graph
FOREIGN_KEYS = {
    "_attn_implementation_autoset": True,
    "_num_labels": 5,
    "attn_implementation": "sdpa",
    "bad_words_ids": None,
    "custom_pipelines": {},
    "do_sample": False,
    "is_composition": False,
    "max_length": 20,
    "model_name": "mine",
    "num_beams": 1,
    "output_scores": False,
    "prefix": "summarize: ",
    "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity",
    "sentence_transformers": {"version": "3.0.0"},
    "tf_legacy_loss": False,
    "torchscript": False,
    "unsloth_version": "2024.9",
    "use_bfloat16": False,
    "use_flash_attn": True,
    "vocab_file": "vocab.txt",
    "xla_device": None,
}


@dataclass
class Folder:
    """A folder, and the model of transformers that it was written from.

    Attributes:
        path: the folder.
        family: the `Family`.
        head: the class of transformers.
        model: the model in float32, with the values in the file.
        options: arguments of `build_transformer_model` that give its backbone, or {}.
        tokens: list of arrays (2, n) of token ids.
        segments: array (2, n), or None.
        steps: what was done to the folder, for messages.
    """

    path: Any
    family: Family
    head: str
    model: Any
    options: dict
    tokens: list
    segments: Any
    steps: list = field(default_factory=list)

    def real(self):
        """Return which tokens of the last sequence are no padding."""
        pad = self.family.pad
        return np.ones_like(self.tokens[-1], bool) if pad is None else self.tokens[-1] != pad

    def expected(self):
        """Return the outputs of transformers that kerasx's model gives."""
        return outputs_of(self.model.base_model if self.options else self.model, self)


def outputs_of(model, folder):
    """Return the outputs of a model of transformers for a folder's tokens, in kerasx's order."""
    names = ("input_ids", "decoder_input_ids")[: len(folder.tokens)]
    given = {name: torch.tensor(x) for name, x in zip(names, folder.tokens)}
    if folder.family.pad is not None:
        masks = {k.replace("input_ids", "attention_mask"): x for k, x in given.items()}
        given |= {k: (x != folder.family.pad).long() for k, x in masks.items()}
    if folder.segments is not None:
        given["token_type_ids"] = torch.tensor(folder.segments)
    with torch.no_grad():
        found = [x for x in model(**given).to_tuple() if isinstance(x, torch.Tensor)]
    both = folder.head in ("BertForPreTraining", "AlbertForPreTraining") and not folder.options
    return [x.float().numpy() for x in (found[1::-1] if both else found[:1])]


def random_folder(seed, path, family=None, heads=None, config=()):
    """Write the folder number `seed`, and return it as a `Folder`.

    Args:
        seed: int.
        path: pathlib.Path.
        family: the `Family`; by default the families take turns.
        heads: classes to choose from; by default those of the family, foreign ones among them.
        config: entries of the configuration that are not drawn.
    """
    draw = random.Random(seed)
    family = family or [*FAMILIES.values()][seed % len(FAMILIES)]
    foreign = heads is None and draw.random() < 0.3
    head = draw.choice(heads or [*(family.foreign if foreign else family.heads)])
    model = random_model(draw, head, family, config)
    dtype = draw.choice(DTYPES)
    for parameter in model.parameters():
        if parameter.requires_grad:  # constants such as frequencies are float32 in every model
            parameter.data = parameter.data.to(getattr(torch, dtype)).float()
    model.config.architectures = [head]
    model.config.save_pretrained(path)
    steps = [head, dtype]
    add_foreign_keys(draw, path / "config.json", steps)
    tensors = with_ties(draw, model.state_dict(), steps)
    tensors = {k: v.to(getattr(torch, dtype)) for k, v in tensors.items()}
    tensors = with_buffers(draw, model, tensors, steps)
    write(draw, path, renamed(draw, model, tensors, steps), steps)
    size = model.config.vocab_size
    tokens = [random_tokens(draw, size, family.pad) for _ in range(family.inputs)]
    has_segments = family.segments and model.config.type_vocab_size > 0
    segments = (np.arange(WIDTH) > 3)[None] * np.ones((2, 1), int) if has_segments else None
    inside = model.base_model is not model and not family.heads.get(head, {}).get("is_decoder")
    backbone = foreign or (heads is None and inside and draw.random() < 0.2)
    options = family.backbone if backbone else {}
    steps += ["backbone"] * backbone
    return Folder(path, family, head, model, options, tokens, segments, steps)


def add_foreign_keys(draw, path, steps):
    """Add keys to a configuration that change no graph."""
    names = draw.sample([*FOREIGN_KEYS], draw.choice([0, 2, 5]))
    config = json.loads(path.read_text()) | {name: FOREIGN_KEYS[name] for name in names}
    path.write_text(json.dumps(config))
    steps += names


def random_tokens(draw, size, pad):
    """Return ids (2, n), padded at the end if there is a padding id."""
    rows = [[draw.randint(2, size - 1) for _ in range(WIDTH)] for _ in LENGTHS]
    if pad is not None:
        rows = [row[:n] + [pad] * (WIDTH - n) for row, n in zip(rows, LENGTHS)]
    return np.array(rows)


def with_ties(draw, tensors, steps):
    """Return copies of the tensors; of shared ones, all names are kept or any one."""
    groups = {}
    for name, tensor in tensors.items():
        groups.setdefault((tensor.data_ptr(), tensor.shape), []).append(name)
    kept = {}
    for names in groups.values():
        one = len(names) > 1 and draw.random() < 0.7
        names = [draw.choice(names)] if one else names
        steps += [f"only {names[0]}"] if one else []
        kept |= {name: tensors[name].detach().clone().contiguous() for name in names}
    return kept


def with_buffers(draw, model, tensors, steps):
    """Return the tensors with constants such as older versions of transformers wrote."""
    if draw.random() < 0.5:
        return tensors
    own = prefix_of(model, tensors)
    ids = torch.arange(16)[None]
    buffers = {
        "embeddings.": {"position_ids": ids, "token_type_ids": torch.zeros_like(ids)},
        "h.0.attn.": {"bias": torch.ones(1, 1, 8, 8).bool(), "masked_bias": torch.tensor(-1e4)},
        "layers.0.self_attn.": {"rotary_emb.inv_freq": torch.ones(4)},
        "layers.0.attn.": {"rotary_emb.inv_freq": torch.ones(4)},
    }
    added = {
        f"{own}{place}{name}": value
        for place, values in buffers.items()
        for name, value in values.items()
        if any(k.startswith(own + place) for k in tensors)
    }
    steps += [f"{len(added)} buffers"]
    return tensors | added | {"head.norm.num_batches_tracked": torch.tensor(3)}


def prefix_of(model, names):
    """Return what precedes the backbone's names, such as "bert."; "" for a backbone alone."""
    own = f"{model.base_model_prefix}."
    return own if any(name.startswith(own) for name in names) else ""


def renamed(draw, model, tensors, steps):
    """Return the tensors with another prefix, with wrappers, or with the older names of norms."""
    own = prefix_of(model, tensors)
    start = draw.choice([own, own, draw.choice(OTHERS), "", f"{model.base_model_prefix}."])
    if own and not start and draw.random() < 0.5:
        start = own
    wrapper = draw.choice(["", "", *WRAPPERS])
    older = draw.random() < 0.5
    norms = [f"{k}." for k, module in model.named_modules() if "Norm" in type(module).__name__]
    steps += [f"{own!r} is {wrapper + start!r}", *["gamma and beta"] * older]

    def new(name):
        older_name = name
        if older and any(name in (f"{norm}weight", f"{norm}bias") for norm in norms):
            older_name = name.removesuffix("weight").removesuffix("bias")
            older_name += "gamma" if name.endswith("weight") else "beta"
        inside = name.startswith(own)
        return wrapper + (start + older_name.removeprefix(own) if inside else older_name)

    return {new(name): tensor for name, tensor in tensors.items()}


def write(draw, path, tensors, steps):
    """Write the tensors in a random format, in one file or in shards."""
    kind, count = draw.choice(["safetensors", "bin"]), draw.choice([1, 1, 2, 3])
    steps += [f"{count} {kind}"]
    stem = "model" if kind == "safetensors" else "pytorch_model"

    def save(name, part):
        if kind == "safetensors":
            save_file(part, path / name, {"format": "pt"})
        else:
            torch.save(part, path / name)

    if count == 1:
        return save(f"{stem}.{kind}", tensors)
    files = [f"{stem}-{i + 1:05}-of-{count:05}.{kind}" for i in range(count)]
    places = {name: draw.choice(files) for name in tensors}
    places |= dict(zip(tensors, files))  # no file is empty
    for file in files:
        save(file, {name: tensor for name, tensor in tensors.items() if places[name] == file})
    index = disagreeing(draw, places, files, steps)
    text = json.dumps({"metadata": {"total_size": draw.choice([0, 12345])}, "weight_map": index})
    (path / f"{stem}.{kind}.index.json").write_text(text)


def disagreeing(draw, places, files, steps):
    """Return the index of shards, with a harmless fault perhaps."""
    index, name = dict(places), draw.choice([*places])
    fault = draw.choice(["none", "none", "a tensor is not in the index", "another file"])
    steps.append(f"index: {fault}")
    if fault == "another file":
        index[name] = draw.choice(files)
    elif fault != "none" and list(places.values()).count(places[name]) > 1:
        del index[name]
    return index
