"""Tiny random folders as transformers writes them: model, tokenizer, generation settings."""

import json

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from kerasx.tokenizers import character_vocab, save_vocab

TEXTS = [
    "The cat sat on the mat, didn't it?",
    "你好，今天天气很好。我们去吃饭吧！",
    "user system assistant: 50% of 10:30 is 3.5 😀",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HALF = dict(
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=128,
)
KEYS = {**HALF, "num_key_value_heads": 1, "tie_word_embeddings": False}
FAMILIES = {
    "gpt2": ("GPT2LMHeadModel", dict(n_embd=16, n_layer=2, n_head=2, n_positions=128)),
    "llama": ("LlamaForCausalLM", KEYS),
    "qwen2": ("Qwen2ForCausalLM", KEYS),
    "qwen3": ("Qwen3ForCausalLM", {**KEYS, "head_dim": 8}),
    "bart": (
        "BartForConditionalGeneration",
        dict(
            d_model=16,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=24,
            decoder_ffn_dim=24,
            max_position_embeddings=128,
        ),
    ),
    "t5": (
        "T5ForConditionalGeneration",
        dict(d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, decoder_start_token_id=0),
    ),
    "bert": ("BertLMHeadModel", {**HALF, "is_decoder": True}),
}


def save_folder(folder, family, seed=0, config=(), **generation):
    """Write a folder of a family, and return it.

    Args:
        folder: pathlib.Path.
        family: name in FAMILIES.
        seed: of the weights, which are large: what is generated depends on every token.
        config: dict of further entries of config.json.
        generation: entries of generation_config.json.
    """
    ids = _TOKENIZERS[family](folder)
    head, options = FAMILIES[family]
    cls = getattr(transformers, head)
    torch.manual_seed(seed)
    model = cls(cls.config_class(**{**ids, **options, **dict(config)})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.4 * torch.randn(parameter.shape)
    for name, value in generation.items():
        setattr(model.generation_config, name, value)
    model.save_pretrained(folder)
    return folder


def _byte_level(folder, names, kind, frame=None, template=None):
    """Write a byte-level BPE tokenizer, and return the ids that a configuration names."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    specials = [*dict.fromkeys(names.values()), "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    if frame:
        known = [(name, tokenizer.token_to_id(name)) for name in specials if name in frame]
        tokenizer.post_processor = processors.TemplateProcessing(single=frame, special_tokens=known)
    return _written(folder, tokenizer, names, kind, template)


def _unigram(folder, names, kind):
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=80, special_tokens=[*names.values()], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    known = [("</s>", tokenizer.token_to_id("</s>"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=known)
    return _written(folder, tokenizer, names, kind)


def _written(folder, tokenizer, names, kind, template=None):
    tokenizer.save(str(folder / "tokenizer.json"))
    options = {"tokenizer_class": kind, **names}
    options |= {} if template is None else {"chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(options))
    ids = {
        f"{name}_id": tokenizer.token_to_id(token)
        for name, token in names.items()
        if name != "unk_token"
    }
    return {"vocab_size": tokenizer.get_vocab_size(), **ids}


def _wordpiece(folder):
    vocabulary = character_vocab(TEXTS)
    save_vocab(folder / "vocab.txt", vocabulary)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return {"vocab_size": len(vocabulary), "pad_token_id": 0}


_END = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
_SENTENCE = {"bos_token": "<s>", "eos_token": "</s>"}
_QWEN = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
_GENERIC = "PreTrainedTokenizerFast"
_TOKENIZERS = {
    "gpt2": lambda folder: _byte_level(folder, _END, _GENERIC),
    "llama": lambda folder: _byte_level(folder, _SENTENCE, _GENERIC, "<s> $A", CHAT_TEMPLATE),
    "qwen2": lambda folder: _byte_level(folder, _QWEN, _GENERIC, template=CHAT_TEMPLATE),
    "qwen3": lambda folder: _byte_level(folder, _QWEN, _GENERIC, template=CHAT_TEMPLATE),
    "bart": lambda folder: _byte_level(
        folder, {**_SENTENCE, "pad_token": "<pad>"}, _GENERIC, "<s> $A </s>"
    ),
    "t5": lambda folder: _unigram(
        folder, {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}, _GENERIC
    ),
    "bert": _wordpiece,
}
