"""Names of BERT's variables and configuration keys, from which many families derive theirs."""

from kerasx.models.sources import HuggingFace, Original


def bert_variables(num_hidden_layers, talking_heads=False):
    """Return the variables of each layer in Google's checkpoints of BERT.

    Args:
        num_hidden_layers: number of blocks.
        talking_heads: whether attentions have a mixing matrix, see `TalkingHeadsAttention`.

    Returns:
        {layer name: [variables]}, with the layers of all heads.

    >>> bert_variables(1)["Transformer-0-FeedForward-Norm"][0]
    'bert/encoder/layer_0/output/LayerNorm/beta'
    """
    mapping = {
        "Embedding-Token": ["bert/embeddings/word_embeddings"],
        "Embedding-Segment": ["bert/embeddings/token_type_embeddings"],
        "Embedding-Position": ["bert/embeddings/position_embeddings"],
        "Embedding-Norm": norm("bert/embeddings/LayerNorm"),
        "Embedding-Mapping": dense("bert/encoder/embedding_hidden_mapping_in"),
        "Pooler-Dense": dense("bert/pooler/dense"),
        "NSP-Proba": [f"cls/seq_relationship/output_{w}" for w in ("weights", "bias")],
        "Classifier": dense("classifier"),
        "MLM-Dense": dense("cls/predictions/transform/dense"),
        "MLM-Norm": norm("cls/predictions/transform/LayerNorm"),
        "MLM-Bias": ["cls/predictions/output_bias"],
    }
    projections = [f"attention/{x}" for x in ("self/query", "self/key", "self/value")]
    projections.append("attention/output/dense")
    for i in range(num_hidden_layers):
        ours, theirs = f"Transformer-{i}-", f"bert/encoder/layer_{i}"
        mapping |= {
            f"{ours}MultiHeadSelfAttention": dense(*(f"{theirs}/{x}" for x in projections)),
            f"{ours}MultiHeadSelfAttention-Norm": norm(f"{theirs}/attention/output/LayerNorm"),
            f"{ours}FeedForward": dense(f"{theirs}/intermediate/dense", f"{theirs}/output/dense"),
            f"{ours}FeedForward-Norm": norm(f"{theirs}/output/LayerNorm"),
        }
        if talking_heads:
            mapping[f"{ours}MultiHeadSelfAttention"].insert(0, f"{theirs}/attention/self/mixing")
    return mapping


def dense(*places, bias=True):
    """Return the variables of dense layers.

    >>> dense("pooler")
    ['pooler/kernel', 'pooler/bias']
    """
    return [f"{place}/{w}" for place in places for w in ("kernel", "bias")[: 1 + bias]]


def norm(place):
    """Return the variables of a layer normalization.

    >>> norm("LayerNorm")
    ['LayerNorm/beta', 'LayerNorm/gamma']
    """
    return [f"{place}/beta", f"{place}/gamma"]


def tied(prefix, head):
    """Return the second names of a token table and of the bias of its scores.

    >>> tied("roberta.", "lm_head.")["lm_head.bias"]
    ('lm_head.decoder.bias',)
    """
    return {
        f"{prefix}embeddings.word_embeddings.weight": (f"{head}decoder.weight",),
        f"{head}bias": (f"{head}decoder.bias",),
    }


BERT_CHECKPOINT = Original(
    token_rows=("bert/embeddings/word_embeddings", "cls/predictions/output_bias"),
    transposed=("cls/seq_relationship/output_weights",),
    heads=("bert/pooler/*", "cls/predictions/*", "cls/seq_relationship/*", "classifier/*"),
)
BERT_FOLDER = HuggingFace(
    heads={
        "BertModel": {},
        "BertForMaskedLM": {"with_mlm": "linear"},
        "BertLMHeadModel": {"with_mlm": "linear", "application": "lm"},
        "BertForNextSentencePrediction": {"with_nsp": "linear"},
        "BertForPreTraining": {"with_nsp": "linear", "with_mlm": "linear"},
        "BertForSequenceClassification": {"with_pool": True, "with_classes": True},
        "BertForTokenClassification": {"with_classes": True},
    },
    keys={
        "hidden_dropout_prob": "dropout_rate",
        "attention_probs_dropout_prob": "attention_dropout_rate",
        "max_position_embeddings": "max_position",
        "type_vocab_size": "segment_vocab_size",
        "pad_token_id": "pad_id",
    },
    required={"position_embedding_type": "absolute"},
    required_of_scores={"tie_word_embeddings": True},
    causal_key=True,
    rules=(
        (r"layer_(\d+)", r"layer.\1"),
        (r"gamma$", "weight"),
        (r"beta$", "bias"),
        (r"_embeddings$", "_embeddings/weight"),
        (r"kernel$", "weight"),
        (r"predictions/output_bias$", "predictions/bias"),
        (r"seq_relationship/output_weights$", "seq_relationship/weight"),
        (r"seq_relationship/output_bias$", "seq_relationship/bias"),
        ("/", "."),
    ),
    prefix="bert.",
    tied=tied("bert.", "cls.predictions."),
)
