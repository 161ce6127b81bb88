"""Ids of a tokenizer's special tokens, which may be absent from the vocabulary until they count."""

import logging

_TOKENS = tuple(f"_token_{name}" for name in ("pad", "unk", "mask", "start", "end"))


class SpecialTokenIds:
    """Mixin of the tokenizers: the special tokens, their ids, and what stands around a text.

    Scripts may set `_token_unk_id` etc. later, or `_token_start`, whose id is looked up again.
    """

    _edges = ("cls_token", "sep_token")  # names of `token_start` and `token_end`
    _token_pad_id = _token_unk_id = _token_mask_id = _token_start_id = _token_end_id = None

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name in _TOKENS and "_vocab_size" in vars(self):
            super().__setattr__(f"{name}_id", self._known_id(value))

    @property
    def start_id(self):
        """Id of the token put before every text; None if there is none."""
        return self._token_start_id

    @property
    def end_id(self):
        """Id of the token put after every text; None if there is none."""
        return self._token_end_id

    @property
    def pad_id(self):
        """Id of the padding token; None if the vocabulary has none."""
        return self._token_pad_id

    @property
    def mask_id(self):
        """Id of the token that hides another in masked language modelling; None if there is none.

        >>> from kerasx.tokenizers import Tokenizer
        >>> tokenizer = Tokenizer({"[UNK]": 0, "[MASK]": 1}, token_start=None, token_end=None)
        >>> tokenizer.mask_id, tokenizer.pad_id, tokenizer.vocab_size
        (1, None, 2)
        """
        return self._token_mask_id

    @property
    def unk_id(self):
        """Id of the token for all unknown tokens; None if the vocabulary has none."""
        return self._token_unk_id

    @property
    def vocab_size(self):
        """Number of tokens in the vocabulary."""
        return self._vocab_size

    @property
    def special_tokens(self):
        """The special tokens by transformers' names, a dict such as {"pad_token": "[PAD]"}."""
        names = ("pad_token", "unk_token", "mask_token", *self._edges)
        tokens = {name: getattr(self, own) for name, own in zip(names, _TOKENS)}
        return {name: token for name, token in tokens.items() if token is not None}

    def _known_id(self, token):
        """Return the id of a special token; None for None and for one without an id."""

    def _look_up_specials(self):
        """Set the ids of the special tokens.

        Where the vocabulary lacks `token_start` or `token_end`, the unknown token takes its place.
        """
        for name in _TOKENS:
            setattr(self, f"{name}_id", self._known_id(getattr(self, name)))
        absent = self._absent_edges()
        if absent:
            logging.getLogger("kerasx").warning(
                "The vocabulary lacks %s: the id of %s takes its place. Pass token_start=None, "
                "token_end=None if the model has no such tokens.",
                ", ".join(map(repr, absent)),
                self._token_unk,
            )

    def _absent_edges(self):
        """Return `token_start` and `token_end` as far as the vocabulary lacks them."""
        edges = (self._token_start, self._token_end)
        return [x for x in edges if x is not None and self._known_id(x) is None]

    def _edge_ids(self):
        """Return the ids that stand before and after a text; None for no token."""
        start, end = self._token_start_id, self._token_end_id
        if None not in (start, end, self._token_start, self._token_end):  # as a rule
            return start, end
        return self._edge_id("_token_start"), self._edge_id("_token_end")

    def _edge_id(self, name):
        token, i = getattr(self, name), getattr(self, f"{name}_id")
        if token is None:
            return None
        return self.token_to_id(token) if i is None else i
