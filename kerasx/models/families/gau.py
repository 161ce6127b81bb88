"""GAU-α: a stack of gated attention units."""

from kerasx.layers import GatedAttentionUnit
from kerasx.models.families.roformer import RoFormerV2_Base


class GAU_alpha(RoFormerV2_Base):  # noqa: N801 - bert4keras's way of names
    """RoFormerV2 whose blocks are one gated attention unit each (kexue.fm/archives/9052).

    A unit has one head. Its configuration calls the size of values and gates `intermediate_size`,
    the size of queries and keys `attention_key_size`.

    >>> gau = GAU_alpha(30, 8, 2, 1, 16, hidden_act="swish", attention_key_size=4)
    >>> gau.build()
    >>> gau.model.output.shape
    (None, None, 8)
    """

    initializer_order = 3

    @classmethod
    def translate_config(cls, config):
        return {"num_attention_heads": 1, **super().translate_config(config)}

    def __init__(self, *args, attention_normalization="softmax_plus", **kwargs):
        super().__init__(*args, attention_normalization=attention_normalization, **kwargs)

    def layout_rules(self):
        units = {
            r"[^/]*GatedAttentionUnit/i_dense/(kernel|bias)": (-1, None),
            r"[^/]*GatedAttentionUnit/o_dense/kernel": (0, "intermediate_size"),
        }
        tables = {k: v for k, v in super().layout_rules().items() if v[1] == "vocab_size"}
        return {**tables, **units}

    def apply_main_layers(self, inputs, index):
        """Apply a gated attention unit as the only sublayer."""
        name = f"Transformer-{index}-GatedAttentionUnit"
        return self.sublayer(inputs, self.gated_attention, name, index)

    def gated_attention(self, x, name, index):
        """Apply the unit, with the model's mask and positions."""
        mask, position = self.compute_attention_bias(index), self.compute_position_bias(x)
        return self.apply(
            self.simplify([x, mask, position]),
            GatedAttentionUnit,
            arguments={"a_bias": mask is not None, "p_bias": self.p_bias},
            units=self.intermediate_size,
            key_size=self.attention_key_size,
            activation=self.hidden_act,
            attention_dropout=self.attention_dropout_rate,
            kernel_initializer=self.initializer,
            name=name,
            **self.attention_options,
        )

    def variable_mapping(self):
        mapping = super().variable_mapping()
        weights = ("i_dense/kernel", "q_scaleoffset/gamma", "k_scaleoffset/gamma", "o_dense/kernel")
        units = {
            f"Transformer-{i}-GatedAttentionUnit": [
                f"GAU_alpha/encoder/layer_{i}/gau/{weight}" for weight in weights
            ]
            for i in range(self.num_hidden_layers)
        }
        return {k: v for k, v in mapping.items() if not k.startswith("Transformer-")} | units
