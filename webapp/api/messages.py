"""What answers say to people: English in the code, and in the language of the request when an answer is written.

A message outlives the place that makes it: a lesson's warnings are remembered between requests, an import's answer is
stored and replicates, errors are logged. So a message is its English sentence wherever it is compared, logged or kept,
and `shown()` has it translated at the last moment. Only that needs Django's settings: parts of this application that
know nothing of Django make messages too.
"""

from typing import Any


class Message(str):
    """An English sentence as a str, which knows its words (`text`, a msgid) from what is put into them (`values`)."""

    text: str
    values: dict[str, Any]

    def __new__(cls, text: str, /, **values: object) -> "Message":
        """`text` has a %(name)s for each value, which may be a message too; without values it is taken as it is."""
        kept = {
            name: one if isinstance(one, str | int) else str(one) for name, one in values.items()
        }
        made = super().__new__(cls, text % kept if kept else text)
        made.text, made.values = text, kept
        return made

    def shown(self) -> str:
        """The sentence in the language of the request, in English where that has no translation."""
        from django.utils.translation import gettext

        text = gettext(self.text)
        return text % shown(self.values) if self.values else text

    def stored(self) -> dict[str, Any]:
        """As JSON, in no language; `of` reads it."""
        values = {
            n: one.stored() if isinstance(one, Message) else one for n, one in self.values.items()
        }
        return {"text": self.text, "values": values}

    @classmethod
    def of(cls, stored: Any) -> "Message":
        """What was stored."""
        values = {
            n: cls.of(one) if isinstance(one, dict) else one for n, one in stored["values"].items()
        }
        return cls(stored["text"], **values)


def shown(value: Any) -> Any:
    """The value of an answer with all messages in it shown."""
    if isinstance(value, Message):
        return value.shown()
    if isinstance(value, dict):
        return {name: shown(one) for name, one in value.items()}
    return [shown(one) for one in value] if isinstance(value, list) else value
