"""Fenced divs as a tree, by Pandoc's rule: a bare `:::` closes the innermost open div.

How many colons a line has does not matter; writers count them wrongly.
"""

from dataclasses import dataclass, field

from webapp.api.messages import Message
from webapp.lessons.deck.kinds import ANSWERS, BOXES, CALLOUTS, EXERCISES, NOTES
from webapp.lessons.deck.source import Block


@dataclass
class Div:
    classes: list[str]
    title: str
    children: list["Node"] = field(default_factory=list)

    def kind(self) -> str:
        """callout, box, exercise, answer, notes, incremental or plain."""
        for name in self.classes:
            if name in NOTES:
                return "notes"
            if name in EXERCISES:
                return "exercise"
            if name in ANSWERS:
                return "answer"
            if name in BOXES:
                return "box"
            if name in CALLOUTS or name.startswith("callout-"):
                return "callout"
            if name == "incremental":
                return "incremental"
        return "plain"

    def label(self) -> str:
        """The word that names this kind of div to a class."""
        for name in self.classes:
            for names in (EXERCISES, ANSWERS, BOXES, CALLOUTS):
                if found := names.get(name.removeprefix("callout-")):
                    return found
        return ""


Node = Block | Div


def build(blocks: list[Block]) -> tuple[list[Node], list[Message]]:
    """The tree's top level, and warnings about divs that do not match."""
    top: list[Node] = []
    stack: list[Div] = []
    warnings: list[Message] = []
    for block in blocks:
        around = stack[-1].children if stack else top
        if block.kind == "div_open_line":
            meta = block.tokens[0].meta
            div = Div(list(meta["classes"]), str(meta["title"]))
            around.append(div)
            # Deeper than any writer means: flat from here, which keeps recursion bounded.
            if len(stack) < 20:
                stack.append(div)
        elif block.kind == "div_close_line":
            if stack:
                stack.pop()
            else:
                warnings.append(Message("A line of colons closes a box that was never opened."))
        else:
            around.append(block)
    if stack:
        name = " ".join(stack[-1].classes)
        warnings.append(Message("The box “%(name)s” is opened but never closed.", name=name))
    return top, warnings
