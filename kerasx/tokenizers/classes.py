"""Choose the tokenizer class of a folder as transformers 5's AutoTokenizer does."""

from kerasx.checks import invalid

# the class of a `model_type`; "" for types whose tokenizer.json decides alone
_BY_MODEL_TYPE = {
    "albert": "AlbertTokenizer",
    "bart": "RobertaTokenizer",
    "bert": "BertTokenizer",
    "camembert": "CamembertTokenizer",
    "deberta-v2": "DebertaV2Tokenizer",
    "distilbert": "BertTokenizer",
    "electra": "BertTokenizer",
    "ernie": "BertTokenizer",
    "gpt2": "GPT2Tokenizer",
    "mbart": "MBartTokenizer",
    "megatron-bert": "BertTokenizer",
    "modernbert": "",
    "mt5": "T5Tokenizer",
    "nezha": "BertTokenizer",
    "openai-gpt": "OpenAIGPTTokenizer",
    "qwen2": "Qwen2Tokenizer",
    "qwen3": "Qwen2Tokenizer",
    "roberta": "RobertaTokenizer",
    "roformer": "RoFormerTokenizer",
    "t5": "T5Tokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
}
# types whose tokenizer_config.json names a wrong class
_WRONGLY_DECLARED = ("modernbert", "qwen2")
_GENERIC = ("", "TokenizersBackend", "PreTrainedTokenizer", "PythonBackend")
# classes that no file describes: they split words by other packages, or are code of the folder
_REFUSED = ("BertJapaneseTokenizer", "BertweetTokenizer", "CpmTokenizer", "PhobertTokenizer")


def tokenizer_class(config, options, tokenizer):
    """Return the name of the tokenizer class, without "Fast"; "" if tokenizer.json decides alone.

    Args:
        config: dict of config.json, {} without one.
        options: dict of tokenizer_config.json, {} without one.
        tokenizer: dict of tokenizer.json, None without one.

    Raises:
        ValueError: a class that is a program, not a vocabulary.
    """
    kind = config.get("model_type")
    registered = _BY_MODEL_TYPE.get(kind) if isinstance(kind, str) else None
    declared = _declared(config, options)
    if declared in _REFUSED:
        raise invalid(
            f"`folder` must not need {declared}: it splits words by another package. Split the "
            "words yourself and pass pre_tokenize to kerasx.tokenizers.Tokenizer.",
            tokenizer_class=declared,
        )
    if declared == "LlamaTokenizer" and kind not in _WRONGLY_DECLARED and _byte_level(tokenizer):
        return ""
    if declared is None or kind in _WRONGLY_DECLARED:
        return registered or ""
    return "" if registered in _GENERIC or declared in _GENERIC else declared


def _declared(config, options):
    declared = options.get("tokenizer_class") or config.get("tokenizer_class")
    if not isinstance(declared, (str, type(None))):
        raise invalid("`tokenizer_class` must be a str.", tokenizer_class=declared)
    return declared and declared.removesuffix("Fast")


def _byte_level(tokenizer):
    """Return whether any step of a tokenizer.json is byte-level."""
    if tokenizer is None:
        return False
    steps = (tokenizer.get(name) for name in ("pre_tokenizer", "decoder", "post_processor"))
    return "'ByteLevel'" in repr(list(steps))
