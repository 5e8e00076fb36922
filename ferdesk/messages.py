"""Sentences for people from below the window: English here, and able to be said in other languages.

A ``Message`` is a string like any other, for commands, logs and files. The window, which alone
knows other languages, finds in it the text with its gaps and what fills them.
"""

from collections.abc import Mapping


class Message(str):
    """The text of ``template``, filled in; ``str(sentence)`` is the sentence itself."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, values: Mapping[str, object]) -> "Message":
        sentence = super().__new__(cls, template.format(**values))
        sentence.template, sentence.values = template, values
        return sentence

    def __str__(self) -> "Message":
        return self

    def __reduce__(self) -> tuple[type["Message"], tuple[str, Mapping[str, object]]]:
        return Message, (self.template, self.values)


def translatable(template: str, /, **values: object) -> Message:
    """``template`` with its gaps filled: ``translatable("There is no file {path}.", path=path)``.

    Args:
        template: a literal, so that translations are collected; see docs/translating.md.
        values: what fills the gaps. An error stands for its text, a sentence stays one.
    """
    said = {k: str(v) if isinstance(v, BaseException) else v for k, v in values.items()}
    return Message(template, said)


def counted(count: int, one: str) -> str:
    """Count and what is counted, in English: ``1 row``, ``2,000 rows``."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"
