"""The bodies of requests: of the server's own protocol, and of OpenAI's."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Texts = Annotated[list[str], Field(min_length=1)]
# texts, or the ids of their tokens
Inputs = str | Texts | list[int] | list[list[int]]


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
    pooling: Literal["mean", "first"] | None = None


def _refuse(value):
    if value:
        raise ValueError("is not supported by this server: leave it out")
    return value


_Missing = Annotated[Any, AfterValidator(_refuse)]  # only a value that changes nothing


class _OpenAIRequest(_Request):
    """Fields that requests of OpenAI's protocol share; the last ones are accepted and not used."""

    model: str
    user: str | None = None
    metadata: dict | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None


class StreamOptions(_Request):
    """Options of a stream: include_usage makes its last event count the tokens."""

    include_usage: bool = False
    include_obfuscation: bool = False


class _TextRequest(_OpenAIRequest):
    """Decoding settings of OpenAI's protocol."""

    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    n: int | None = Field(None, ge=1)
    seed: int | None = None
    stop: Annotated[str, Field(min_length=1)] | Annotated[Texts, Field(max_length=4)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    frequency_penalty: _Missing = None
    presence_penalty: _Missing = None
    logit_bias: _Missing = None
    logprobs: _Missing = None


class Part(_Request):
    """A part of a message."""

    type: Literal["text"]
    text: str


class Message(_Request):
    """A message of a conversation; fields that other servers answer with are not read."""

    model_config = ConfigDict(extra="ignore")
    role: str
    content: str | list[Part]
    tool_calls: _Missing = None

    def plain(self):
        """Return the role and the text, as chat templates read them."""
        parts = [part.text for part in self.content] if isinstance(self.content, list) else None
        return {"role": self.role, "content": self.content if parts is None else "".join(parts)}


class ChatRequest(_TextRequest):
    """A conversation to be continued."""

    messages: list[Message] = Field(min_length=1)
    chat_template_kwargs: dict[str, bool | int | float | str] = {}
    max_completion_tokens: int | None = Field(None, ge=1)
    top_logprobs: _Missing = None
    tools: _Missing = None
    tool_choice: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = None
    functions: _Missing = None
    response_format: dict | None = None


class CompletionRequest(_TextRequest):
    """Texts to be continued."""

    prompt: Inputs
    best_of: int | None = None
    echo: _Missing = None
    suffix: _Missing = None


class EmbeddingRequest(_OpenAIRequest):
    """Texts to turn into vectors."""

    input: Inputs
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: _Missing = None
