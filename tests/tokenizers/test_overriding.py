"""Subclasses that scripts of bert4keras and keras-bert write, with bert4keras's values."""

import pytest

from kerasx.tokenizers import Tokenizer, TokenizerBase

pytestmark = pytest.mark.backend_free
TOKENS = "[PAD] [unused1] [UNK] [CLS] [SEP] [MASK] 我 爱 北 京 play ##ing a b ##b - c".split()
VOCABULARY = {token: i for i, token in enumerate(TOKENS)}


class Characters(Tokenizer):
    """Each character is a token, spaces too: the labels of a tagger stay aligned."""

    def _tokenize(self, text):
        return [self._one(c) for c in text]

    def _one(self, character):
        if character in self._token_dict:
            return character
        return "[unused1]" if self._is_space(character) else "[UNK]"


class Whole(Tokenizer):
    def tokenize(self, text, maxlen=None):
        return [self._token_start, *text, self._token_end]


class Hyphens(Tokenizer):
    @staticmethod
    def _is_punctuation(ch):
        return ch != "-" and Tokenizer._is_punctuation(ch)


class Letters(Tokenizer):
    def _word_piece_tokenize(self, word):
        return list(word)


class Halves(Tokenizer):
    def _tokenize(self, text, pre_tokenize=True):
        if not pre_tokenize:
            return super()._tokenize(text, False)
        words = self._pre_tokenize(text)
        return [t for w in words for t in ([w] if w == "北京" else self._tokenize(w, False))]


class Without(Tokenizer):
    def _tokenize(self, text):
        return [token for token in super()._tokenize(text) if token != "爱"]


class Own(TokenizerBase):
    def __init__(self, tokens, **options):
        super().__init__(**options)
        self.tokens = tokens

    def token_to_id(self, token):
        return self.tokens.get(token, 2)

    def _tokenize(self, text):
        return list(text)


@pytest.mark.parametrize(
    "cls, text, ids",
    [
        (Characters, "我爱 北z", [6, 7, 1, 8, 2]),
        (Whole, "ab ", [12, 13, 2]),
        (Hyphens, "a-b 我", [2, 6]),
        (Letters, "play 我", [2, 2, 12, 2, 6]),
        (Without, "我爱北", [6, 8]),
        (Own, "ab z", [12, 13, 2, 2]),
        (Tokenizer, "a-b playing", [12, 15, 13, 10, 11]),
    ],
)
def test_what_a_subclass_overrides_counts_in_all_methods(cls, text, ids):
    tokenizer = cls(VOCABULARY)
    framed = [3, *ids, 4]
    assert tokenizer.encode(text) == (framed, [0] * len(framed))
    assert tokenizer.encode_batch([text])[0] == [framed]
    assert tokenizer.tokens_to_ids(tokenizer.tokenize(text)) == framed
    pair = ([*framed[:-1], 4, *ids, 4], [0] * len(framed) + [1] * (len(ids) + 1))
    assert tokenizer.encode(text, text) == pair
    short = tokenizer.encode(text, maxlen=len(framed) - 1)[0]
    assert short == [*framed[:-2], 4]
    if cls is not Own:
        mapping = tokenizer.rematch(text, tokenizer.tokenize(text))
        places = [i for indices in mapping for i in indices]
        assert places == sorted(set(places)) and len(mapping) == len(framed)


def test_words_given_first_reach_an_override(tmp_path):
    tokenizer = Halves(
        {**VOCABULARY, "北京": len(TOKENS)}, pre_tokenize=lambda text: [text[:2], text[2:]]
    )
    assert tokenizer.encode("北京playing")[0] == [3, len(TOKENS), 10, 11, 4]


def test_offsets_of_an_override_are_where_its_tokens_are_found():
    tokens, offsets = Characters(VOCABULARY).tokenize_with_offsets("我 z爱")
    assert tokens == ["[CLS]", "我", "[unused1]", "[UNK]", "爱", "[SEP]"]
    assert offsets == [(0, 0), (0, 1), (1, 1), (1, 1), (3, 4), (4, 4)]


def test_the_names_that_an_override_calls_are_there():
    tokenizer = Tokenizer(VOCABULARY, do_lower_case=True)
    assert tokenizer._word_piece_tokenize("playing") == ["play", "##ing"]
    assert tokenizer._tokenize("北京 Playing", False) == ["北", "京", "play", "##ing"]
    assert {*"，。！？《》（）、…—"} < {*tokenizer._cjk_punctuation()}
    assert tokenizer._is_space("\u3000") and tokenizer._is_cjk_character("我")


@pytest.mark.parametrize("name", ["max_length", "first_length"])
def test_arguments_of_the_first_bert4keras_are_named_with_the_present_ones(name):
    with pytest.raises(TypeError, match=f"{name}.*maxlen="):
        Tokenizer(VOCABULARY).encode("我", **{name: 8})
