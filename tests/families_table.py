"""Write the table of families and the tests that show them to docs/families.md.

python -m tests.families_table
"""

from pathlib import Path

import transformers

from tests.generation import folders as generated
from tests.parity import random_families, test_config_classes, test_random_texts
from tests.tokenizers import folders, test_loading_variants

PAGE = Path(__file__).parents[1] / "docs" / "families.md"
HEAD = """# Families of Hugging Face folders

Each column names the test that shows it, each cell the case of this test. Weights are read and
written by `save_pretrained` in one test, in random folders: float32, float16 or bfloat16, one file
or shards, other prefixes, older names of normalizations, tied tensors under any name, foreign keys.

    python -m tests.families_table    # writes this page

"""
FOOT = """
NEZHA, which transformers has no more: `tests/models/test_names_in_files.py`. RoFormer-v2,
GAU-alpha, GPT2-ML and other checkpoints of the original authors: `tests/parity/test_bert4keras.py`.
Empty cells are not shown by a test: encoders generate nothing, and mBART is a tokenizer only.
"""
COLUMNS = {
    "configuration": "tests/parity/test_config_classes.py",
    "weights, `save_pretrained`": "tests/parity/test_random_folders.py",
    "tokenizer": "tests/tokenizers/test_loading.py, test_loading_variants.py",
    "generated text": "tests/generation/test_from_folder.py, tests/parity/test_random_texts.py",
}


def cases():
    """Return a dict {family: list of the cases, or None} of each column."""
    configured = {}
    for head in test_config_classes.CLASSES:
        configured.setdefault(getattr(transformers, head).config_class.model_type, head)
    tokenized = {}
    for name, family in folders.FOLDERS.items():
        tokenized.setdefault(family, name)
    for name, (_, _, options) in test_loading_variants.VARIANTS.items():
        tokenized.setdefault(options.get("config", {}).get("model_type"), name)
    texts = {family: name for name, family in [*test_random_texts.TOKENIZERS.items()][::-1]}
    generating = {family: texts[family] for family in texts if test_random_texts.generates(family)}
    return [
        configured,
        {family: family for family in random_families.FAMILIES},
        tokenized,
        {**generating, **{family: family for family in generated.FAMILIES}},
    ]


def table():
    """Return the table as Markdown."""
    columns = cases()
    families = dict.fromkeys(name for column in columns for name in column if name)
    lines = ["| family | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines.append("| | " + " | ".join(f"`{path}`" for path in COLUMNS.values()) + " |")
    for family in families:
        cells = [f"`{column[family]}`" if family in column else "" for column in columns]
        lines.append(f"| {family} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(HEAD + table() + FOOT, encoding="utf-8")
