"""Compare the tokenizers of kerasx, bert4keras and Hugging Face on one thread; also with jieba.

    python -m benchmarks.tokenizers [--data reviews.txt] [--vocab vocab.txt] [--repeats 5]

Without files, texts are drawn at random and the vocabulary is made of their characters.
Peers that are not installed are listed as such. bert4keras needs tensorflow and tf_keras beside it:
`pip install --no-deps --target peers bert4keras tf_keras`, then PYTHONPATH=peers.
"""

import argparse
import os
import random
from pathlib import Path

from benchmarks.harness import installed, interleave, report, rows

os.environ.update(TF_KERAS="1", TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3")
os.environ.update(RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

from kerasx.tokenizers import Tokenizer, jieba_cut, load_vocab, save_vocab  # noqa: E402
from kerasx.tokenizers.words import load_jieba  # noqa: E402


def load_texts(path):
    """Read the texts before the last tab of each line; without a file, draw random texts."""
    if path:
        lines = path.read_text(encoding="utf-8").split("\n")
        return [line.rsplit("\t", 1)[0] for line in lines if line]
    draw = random.Random(0)
    letters = [chr(code) for code in range(0x4E00, 0x5200)] * 3 + list("，。！？abc 123")
    return ["".join(draw.choices(letters, k=draw.randint(20, 180))) for _ in range(10000)]


def load_or_make_vocab(path, texts, folder):
    """Return the path of the vocabulary; without a file, make one of the texts' characters."""
    if path:
        return path
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set("".join(texts)) - {"\n"})]
    folder.mkdir(exist_ok=True)
    save_vocab(folder / "vocab.txt", {token: i for i, token in enumerate(tokens)})
    return folder / "vocab.txt"


def encode_all(encode, texts):
    """Return a function that encodes the texts one by one and keeps nothing."""

    def run():
        for text in texts:
            encode(text)

    return run


def hugging_face(vocab, texts):
    """Return a function that encodes the texts with the Rust tokenizer and fetches the ids."""
    if not installed("transformers", "tokenizers"):
        return "not installed"
    from transformers import BertTokenizer

    backend = BertTokenizer(str(vocab), do_lower_case=True).backend_tokenizer
    return lambda: [encoding.ids for encoding in backend.encode_batch(texts)]


def bert4keras(vocab, texts, **options):
    """Return a function that encodes the texts with bert4keras's `Tokenizer.encode`."""
    if not installed("bert4keras", "tensorflow", "tf_keras"):
        return "not installed"
    from bert4keras.tokenizers import Tokenizer as Original

    tokenizer = Original(str(vocab), do_lower_case=True, **options)
    return encode_all(tokenizer.encode, texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="texts, one a line; labels after a tab")
    parser.add_argument("--vocab", type=Path, help="a vocabulary file")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    texts = load_texts(arguments.data)
    vocab = load_or_make_vocab(arguments.vocab, texts, Path(__file__).parent / "results")
    facts = {"texts": len(texts), "characters": sum(map(len, texts))}
    token_dict = load_vocab(vocab)

    plain = Tokenizer(token_dict, do_lower_case=True)
    candidates = {
        "kerasx encode": encode_all(plain.encode, texts),
        "kerasx encode_batch": lambda: plain.encode_batch(texts),
        "kerasx tokenize_with_offsets": encode_all(plain.tokenize_with_offsets, texts),
        "tokenizers encode_batch": hugging_face(vocab, texts),
        "bert4keras encode": bert4keras(vocab, texts),
    }
    table = rows(interleave(candidates, arguments.repeats), "kerasx encode", len(texts))
    report(f"WordPiece: {len(texts):,} texts, one thread", table, "tokenizers", **facts)

    jieba = load_jieba()
    rust = Tokenizer(token_dict, do_lower_case=True, pre_tokenize=jieba_cut)
    pure = Tokenizer(
        token_dict, do_lower_case=True, pre_tokenize=lambda s: jieba.lcut(s, HMM=False)
    )
    name = "kerasx words, rjieba" if installed("rjieba") else "kerasx words, jieba (no rjieba)"
    candidates = {
        name: encode_all(rust.encode, texts),
        "kerasx words, jieba": encode_all(pure.encode, texts),
        "bert4keras words, jieba": bert4keras(
            vocab, texts, pre_tokenize=lambda s: jieba.cut(s, HMM=False)
        ),
    }
    table = rows(interleave(candidates, max(1, arguments.repeats // 2)), name, len(texts))
    report(f"Words first (WoBERT): {len(texts):,} texts", table, "tokenizers_words", **facts)


if __name__ == "__main__":
    main()
