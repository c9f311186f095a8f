"""Pictures that an HTML deck holds within itself (`data:` addresses), taken out and put back as stored figures.

Taken out first: they may have megabytes, which no parser of HTML or Markdown should have to walk through.
"""

import base64
import binascii
import re

_DATA = re.compile(r"""data:image/[\w.+-]{1,40};base64,([A-Za-z0-9+/=\s]+)(?=["'\s)>])""")
_STANDIN = "inline-figure-{number}.data"


def take(html: str) -> tuple[str, dict[str, bytes]]:
    """The HTML with a name in the place of each picture, and the pictures by name."""
    figures: dict[str, bytes] = {}

    def out(found: re.Match[str]) -> str:
        try:
            content = base64.b64decode(found[1], validate=False)
        except (binascii.Error, ValueError):
            return ""
        name = _STANDIN.format(number=len(figures) + 1)
        figures[name] = content
        return name

    return _DATA.sub(out, html), figures


def put(markdown: str, urls: dict[str, str]) -> str:
    """The Markdown with the addresses of the stored pictures in their places."""
    for name, url in urls.items():
        # markdownify leaves targets as they are, so the name stands there literally.
        markdown = re.sub(rf"(?<=\]\(){re.escape(name)}(?=\))", url, markdown)
    return markdown
