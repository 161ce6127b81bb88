"""Train SentencePiece models that are laid out like T5's."""

import io

from kerasx.checks import invalid
from kerasx.files.atomic import atomic_path
from kerasx.tokenizers.sentence_piece import import_sentencepiece

_LONGEST = 1 << 20  # bytes of a text; SentencePiece leaves longer texts out


def train_sentencepiece(
    texts, output_path, vocab_size=8000, symbols=(), byte_fallback=True, character_coverage=1.0
):
    """Train a unigram model on a corpus and write it, for `SpTokenizer`.

    As in T5 and mT5, `<pad>`, `</s>` and `<unk>` are pieces 0, 1 and 2, and no piece is a start;
    then come the symbols, the bytes, and the pieces of the corpus. The same texts give the same
    file.

    Args:
        texts: iterable of str.
        output_path: the model file, written atomically.
        vocab_size: number of pieces; a small corpus may have fewer.
        symbols: pieces added regardless of the corpus, such as "<extra_id_0>".
        byte_fallback: add a piece for each byte, to spell unknown characters.
        character_coverage: share of the corpus's characters that become pieces.

    Returns:
        The number of pieces.

    Raises:
        ValueError: no texts, or a `vocab_size` below the number of characters.
        ImportError: the package sentencepiece is missing; names the extra that installs it.

    Source: Kudo & Richardson, arXiv 1808.06226.

    train_sentencepiece(abstracts, "papers.model", vocab_size=2000)
    """
    sentencepiece = import_sentencepiece()
    texts = [text.encode("utf-8", "replace").decode() for text in texts if text.strip()]
    if not texts:
        raise invalid("`texts` must hold at least one text that is not blank.", texts=texts)
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type="unigram",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            character_coverage=character_coverage,
            byte_fallback=byte_fallback,
            user_defined_symbols=list(symbols),
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            max_sentence_length=_LONGEST,
            num_threads=1,  # several threads would add up floats in varying order
            minloglevel=2,
        )
    except RuntimeError as error:
        raise invalid(
            "`vocab_size` must leave room for each character of the texts.", vocab_size=vocab_size
        ) from error
    with atomic_path(output_path) as temporary, open(temporary, "wb") as writer:
        writer.write(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).get_piece_size()
