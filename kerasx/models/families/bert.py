"""BERT: a bidirectional encoder."""

from kerasx.models.families.encoder import EncoderModel, NextSentence
from kerasx.models.families.input_embeddings import TrainedPositions


class BERT(NextSentence, TrainedPositions, EncoderModel):
    """BERT (arXiv 1810.04805), also Chinese RoBERTa-wwm, MacBERT, WoBERT, SimBERT and LaBSE.

    It takes the arguments of `Transformer`, and these.

    Args:
        max_position: rows of the position table.
        segment_vocab_size: number of segments; 0 removes the segment input.
        with_pool, with_nsp, with_classes, with_mlm: the outputs, see `Heads` and `NextSentence`.
        hierarchical_position: None or α, for positions beyond the table (kexue.fm/archives/7947).
        custom_position_ids: take the position ids as an input.
        shared_segment_embeddings: look the segments up in the token table.
        embedding_size: width of the embeddings; hidden_size by default.
        layer_norm_eps: ε of the layer normalizations.
        pad_id: id of the padding token, which is masked; None if there is no padding.
        norm_position, talking_heads, half_causal_heads, residual_attention_scores: options of the
            blocks, see block_options.py.

    >>> bert = BERT(30, 8, 1, 2, 16, max_position=10, with_mlm="linear")
    >>> bert.build()
    >>> bert.model.output.shape
    (None, None, 30)
    """
