"""Chat templates: from messages to the text that a chat model was trained on.

A template is a program in Jinja2 that comes with a model, so it runs in Jinja2's sandbox, on plain
JSON values only.
"""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import numpy as np

from kerasx.checks import check_choice, invalid

_MARK = "CONTINUE_FINAL_MESSAGE_TAG "
_REASONING = ("reasoning_content", "thinking", "reasoning")
_OPEN, _CLOSE = "\U000f0000", "\U000f0001"  # around special tokens typed by users


def import_jinja2():
    """Import jinja2, or raise an error that names the extra."""
    try:
        import jinja2
        import jinja2.ext
        import jinja2.sandbox
    except ImportError as error:
        raise ImportError(
            'Chat templates need the package jinja2: pip install "kerasx[text]"'
        ) from error
    return jinja2


class ChatTemplate:
    """A model's chat template, or several by name.

    Args:
        template: text of a Jinja2 template, or a dict from names to texts; "default" is used, and
            "tool_use" where tools are given.
        variables: dict of values that templates read beside the messages, such as
            {"bos_token": "<s>", "eos_token": "</s>"}.

    Raises:
        ValueError: no template, or one that is not in Jinja2's language.
        ImportError: the package jinja2 is missing; names the extra that installs it.

    >>> template = ChatTemplate("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    ...                         "{% if add_generation_prompt %}<assistant>{% endif %}")
    >>> template.render([{"role": "user", "content": "你好"}])
    '<user>你好<assistant>'

    Source: transformers 5, `utils/chat_template_utils.py`.
    """

    def __init__(self, template, variables=None):
        named = template if isinstance(template, dict) else {"default": template}
        if not named or not all(isinstance(x, str) for pair in named.items() for x in pair):
            raise invalid("`template` must be a str, or a dict of str.", template=template)
        self.templates, self.variables = dict(named), dict(variables or {})
        for text in named.values():
            _compiled(text)

    def render(
        self,
        messages,
        add_generation_prompt=None,
        tools=None,
        documents=None,
        continue_final_message=False,
        name=None,
        marked=(),
        **variables,
    ):
        """Return the text of a conversation.

        Args:
            messages: list of dicts such as {"role": "user", "content": "你好"}.
            add_generation_prompt: end with the start of the assistant's answer; by default, unless
                the final message is to be continued.
            tools: list of JSON schemas of functions that the model may call.
            documents: list of dicts for retrieval.
            continue_final_message: end inside the last message, for the model to go on with it; a
                str names the field, by default "content".
            name: which template; None chooses "tool_use" with tools, else "default".
            marked: tokens that are put between marks where the messages hold them, for
                `split_marked`.
            variables: further values that the template reads, such as enable_thinking=False.

        Raises:
            ValueError: no messages, tools that are no schemas, or the template refuses them or
                fails; the error says why.
        """
        _check_tools(tools)
        if add_generation_prompt is None:
            add_generation_prompt = not continue_final_message
        if continue_final_message and add_generation_prompt:
            raise invalid(
                "`add_generation_prompt` must be False to continue the final message.",
                add_generation_prompt=add_generation_prompt,
            )
        text, answer = self._chosen(name, tools), None
        values = {"tools": tools, "documents": documents, **variables}
        values = _with_marks({**values, "messages": _messages(messages)}, tuple(marked))
        values["messages"] = [_aliased(message) for message in values["messages"]]
        if continue_final_message:
            answer = _mark_end(values["messages"][-1], continue_final_message, text)
        values["add_generation_prompt"] = bool(add_generation_prompt)
        rendered = _rendered(text, {**self.variables, **values})
        return rendered if answer is None else _cut_at_mark(rendered, answer)

    def _chosen(self, name, tools):
        if name is None:
            name = "tool_use" if tools is not None and "tool_use" in self.templates else "default"
        return self.templates[check_choice("name", name, tuple(self.templates))]


def read_chat_templates(files, options):
    """Return the template of a folder (str), or its templates by name (dict); None without any.

    chat_template.jinja and additional_chat_templates/*.jinja come before the entry `chat_template`
    of tokenizer_config.json.

    Args:
        files: the `FolderFiles`.
        options: dict of tokenizer_config.json.
    """
    found = {"default": files.text("chat_template.jinja")}
    folder = files.at("additional_chat_templates")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.endswith(".jinja"):
            found[name.removesuffix(".jinja")] = files.text(f"additional_chat_templates/{name}")
    found = {name: text for name, text in found.items() if text is not None}
    if found:
        return found["default"] if list(found) == ["default"] else found
    template = options.get("chat_template")
    if not isinstance(template, list):
        return template
    good = all(isinstance(x, dict) and {"name", "template"} <= x.keys() for x in template)
    if not good:
        raise invalid("`chat_template` must be a list of names and templates.", received=template)
    return {item["name"]: item["template"] for item in template}


def split_marked(text, tokens):
    """Split a rendered text into [(part, whether it is a token that a user wrote)].

    >>> split_marked("a\U000f0000<s>\U000f0001b", ["<s>"])
    [('a', False), ('<s>', True), ('b', False)]
    """
    marks = re.compile(f"{_OPEN}({_any_of(tuple(tokens)).pattern}){_CLOSE}|[{_OPEN}{_CLOSE}]")
    return [(part, i % 2 == 1) for i, part in enumerate(marks.split(text)) if part]


def split_at(text, tokens):
    """Split a text at tokens: [(part, whether it is one of the tokens)], without empty parts.

    >>> split_at("a<s>b", ["<s>"])
    [('a', False), ('<s>', True), ('b', False)]
    """
    parts = re.split(f"({_any_of(tuple(tokens)).pattern})", text)
    return [(part, i % 2 == 1) for i, part in enumerate(parts) if part]


@lru_cache
def _any_of(tokens):
    longest = sorted(filter(None, tokens), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest)) or "(?!)")


def _with_marks(value, tokens):
    """Return plain JSON values, with marks around the tokens in their strings."""
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, str):
        value = str.__str__(value)
        if not tokens:
            return value
        value = value.replace(_OPEN, "").replace(_CLOSE, "")
        return _any_of(tokens).sub(f"{_OPEN}\\g<0>{_CLOSE}", value)
    if isinstance(value, Mapping):
        return {_with_marks(key, ()): _with_marks(item, tokens) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_with_marks(item, tokens) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, np.generic):
        return _with_marks(value.item(), tokens)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _with_marks(dataclasses.asdict(value), tokens)
    if callable(getattr(value, "model_dump", None)):  # messages of pydantic, as openai's
        return _with_marks(value.model_dump(), tokens)
    return f"<{type(value).__name__}>"  # an object has methods that a template must not call


def _check_tools(tools):
    """Raise unless the tools are None or dicts: a function would be its type's name in the text."""
    if (
        tools is None
        or isinstance(tools, (list, tuple))
        and all(isinstance(tool, Mapping) for tool in tools)
    ):
        return
    raise invalid("`tools` must be a list of JSON schemas (dicts), one for each tool.", tools=tools)


def _messages(messages):
    """Return the messages as dicts without the entries that are None."""
    plain = _with_marks(messages, ())
    if not isinstance(plain, (list, tuple)) or not plain:
        raise invalid("`messages` must be a list of one message or more.", messages=messages)
    if not all(isinstance(message, dict) for message in plain):
        raise invalid("`messages` must be dicts with a role and a content.", messages=messages)
    return [{k: v for k, v in message.items() if v is not None} for message in plain]


def _aliased(message):
    """Give the reasoning of a message all names that templates use."""
    found = (message[key] for key in _REASONING if message.get(key) is not None)
    reasoning = next(found, None)
    if reasoning is None:
        return message
    return {"thinking": reasoning, **message, "reasoning_content": reasoning}


def _mark_end(message, field, template):
    """Append the mark to a message's text, and return the text."""
    field = field if isinstance(field, str) else "content"
    answer = message.get(field)
    fields = [field]
    if field in _REASONING:
        fields = [name for name in _REASONING if message.get(name) == answer]
    if answer is None or not any(name in template for name in fields):
        raise invalid(
            "`continue_final_message` must name a field of the last message that the template "
            "reads.",
            continue_final_message=field,
        )
    if isinstance(answer, str):
        message.update({name: message[name] + _MARK for name in fields})
        return answer
    blocks = [block for block in answer if isinstance(block, dict) and "text" in block]
    if not blocks:
        raise invalid("`messages` must end with a text to continue.", message=message)
    answer = blocks[-1]["text"]
    blocks[-1]["text"] += _MARK
    return answer


def _cut_at_mark(rendered, answer):
    """Return a rendered text up to the mark in its last message."""
    if answer.strip() not in rendered or _MARK.strip() not in rendered:
        raise invalid("`messages` must keep their last text in the template.", rendered=rendered)
    place = rendered.rindex(_MARK.strip())
    whole = rendered[place : place + len(_MARK)] == _MARK
    return rendered[:place] if whole else rendered[:place].rstrip()


def _rendered(template, values):
    """Run a template; any error in it is a ValueError."""
    compiled = _compiled(template)
    try:
        return compiled.render(**values)
    except Exception as error:  # templates raise whatever their code raises
        raise ValueError(
            f"The chat template cannot be applied to these messages: {error}"
        ) from error


@lru_cache
def _compiled(template):
    jinja2 = import_jinja2()
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_generation_tag(jinja2), jinja2.ext.loopcontrols],
    )
    environment.filters["tojson"] = _to_json
    environment.globals.update(
        raise_exception=_raise_exception,
        strftime_now=lambda form: datetime.now().strftime(form),
        namespace=_namespace(jinja2),
        dict=_Dict(),
    )
    try:
        return environment.from_string(template)
    except (jinja2.TemplateError, RecursionError) as error:
        raise invalid(
            f"`template` must be in Jinja2's language: {error}.", template=template
        ) from error


def _generation_tag(jinja2):
    """Return an extension with the tag {% generation %}, which only marks text for training."""

    class Generation(jinja2.ext.Extension):
        tags = frozenset({"generation"})

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.Scope(body, lineno=line)

    return Generation


def _namespace(jinja2):
    """Return Jinja2's namespace without names of Python's internals."""

    class Namespace(jinja2.utils.Namespace):
        def __init__(*args, **kwargs):
            self, attributes = args[0], dict(*args[1:], **kwargs)
            for name in attributes:
                _check_name(name)
            jinja2.utils.Namespace.__init__(self, attributes)

        def __setitem__(self, name, value):
            _check_name(name)
            jinja2.utils.Namespace.__setitem__(self, name, value)

    def _check_name(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(f"the name {name!r} begins with an underscore")

    return Namespace


class _Dict:
    """The function dict, without the attributes of the class."""

    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)

    def fromkeys(self, *args):
        return dict.fromkeys(*args)


def _raise_exception(message):
    raise ValueError(message)


def _to_json(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    """Convert to JSON; Jinja2's own filter escapes HTML."""
    return json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )
