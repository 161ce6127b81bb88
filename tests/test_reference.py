"""docs/reference.md names every public function and class, and nothing else."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.backend_free
ROOT = Path(__file__).parents[1]
# names that bert4keras 0.11.5 defines, too: its users know them
BERT4KERAS = """
    ALBERT ALBERT_Unshared AdaFactor Adam AutoRegressiveDecoder BERT BatchConcat BatchSplit
    Concatenate1D ConditionalRandomField DataGenerator ELECTRA EfficientGlobalPointer Embedding
    FeedForward GPT GPT2 GPT2_ML GatedAttentionUnit GlobalAveragePooling1D GlobalMaxPooling1D
    GlobalPointer K LM_Mask LayerNormalization Loss MaximumEntropyMarkovModel MultiHeadAttention
    NEZHA PositionEmbedding RelativePositionEmbedding RelativePositionEmbeddingT5 RoFormer
    RoFormerV2 ScaleOffset SinusoidalPositionEmbedding SpTokenizer T5 T5_Decoder T5_Encoder
    Tokenizer TokenizerBase Transformer UniLM_Mask ViterbiDecoder WebServing align
    apply_rotary_position_embeddings attention_normalize batch_gather build_transformer_model
    convert_to_str convert_to_unicode
    divisible_temporal_padding extend_with_exponential_moving_average
    extend_with_gradient_accumulation extend_with_language_model extend_with_layer_adaptation
    extend_with_lazy_optimization extend_with_lookahead extend_with_parameter_wise_lr
    extend_with_piecewise_linear_lr extend_with_unified_language_model extend_with_weight_decay
    flatten gelu_erf gelu_tanh is_string keras leaky_relu load_vocab longest_common_subsequence
    longest_common_substring lowercase_and_normalize multilabel_categorical_crossentropy
    parallel_apply piecewise_linear pool1d recompute_grad reshape root_mean_square save_vocab
    search_layer sequence_masking sequence_padding set_gelu sinusoidal_embeddings
    sparse_multilabel_categorical_crossentropy strQ2B string_matching swish text_segmentate
""".split()


def public_names():
    """Return {room: names in its `__all__`}, read from the source."""
    found = {}
    for path in [*ROOT.glob("kerasx/*/__init__.py"), *ROOT.glob("kerasx/*.py")]:
        room = path.parent.name if path.name == "__init__.py" else path.stem
        for node in ast.parse(path.read_text("utf-8")).body:
            is_all = (
                isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            )
            if is_all and room not in ("kerasx", "snippets"):
                found[room] = set(ast.literal_eval(node.value))
    return found


def documented_names():
    """Return {room: names in its table of docs/reference.md}."""
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    parts = re.split(r"^## kerasx\.(\w+)$", text, flags=re.MULTILINE)
    tables = zip(parts[1::2], parts[2::2])
    return {
        room: set(re.findall(r"^\| `(\w+)` \| \S", table, re.MULTILINE)) for room, table in tables
    }


def test_every_public_name_has_a_line_in_the_reference():
    assert documented_names() == public_names()


def test_fewer_than_300_public_names_are_new_to_a_user_of_bert4keras(capsys):
    names = [name for room in public_names().values() for name in room]
    new = [name for name in names if name not in BERT4KERAS]
    with capsys.disabled():
        print(f"\n{len(names)} public names, {len(new)} of them not bert4keras's")
    assert len(new) < 300
