"""The bodies of requests."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Texts = Annotated[list[str], Field(min_length=1)]


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class GenerateRequest(_Request):
    """A prompt and decoding settings; settings that the strategy does not have are ignored."""

    text: str | None = None
    turns: Texts | None = None
    strategy: Literal["greedy", "beam", "sampling"] = "greedy"
    n: int = Field(1, ge=1)
    width: int | None = Field(None, ge=1)
    temperature: float = Field(1.0, gt=0, le=2)
    top_k: int | None = Field(None, ge=1)
    top_p: float | None = Field(None, gt=0, le=1)
    max_new_tokens: int | None = Field(None, ge=1)
    seed: int | None = Field(None, ge=0, lt=2**31)
    stream: bool = False


class ClassifyRequest(_Request):
    """Texts to classify."""

    texts: Texts


class EmbedRequest(_Request):
    """Texts to turn into vectors, and how the vectors of a text's tokens are pooled."""

    texts: Texts
    pooling: Literal["mean", "first"] = "mean"
