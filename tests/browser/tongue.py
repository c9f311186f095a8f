"""What is still English on a page that should be Dutch: a word that somebody forgot."""

import re

from tests.browser.screens import Screen

ENGLISH = re.compile(
    r"\b(the|this|that|and|you|your|with|from|to|on|it|not|here|there|can|are|was|will|lessons?|slides?|boards?|teacher)\b",
    re.IGNORECASE,
)
"""Words that English sentences can hardly do without, and Dutch ones do not have."""

ADDRESS = re.compile(r"\S+/\S+")

CONTENT = "[data-testid=slide], [data-testid=notes], [data-testid=lesson-title], [data-content]"
"""What teachers write: Firstbell leaves it as it is."""

TEXTS = """(content) => {
    const said = [];
    const say = (element, text) => {
        if (text?.trim() && !element.closest(content)) said.push(text.trim());
    };
    for (const element of document.querySelectorAll('body *')) {
        if (!element.checkVisibility() || element.closest('script, style')) continue;
        for (const name of ['aria-label', 'title', 'placeholder', 'alt']) say(element, element.getAttribute(name));
        for (const node of element.childNodes) {
            if (node.nodeType === Node.TEXT_NODE) say(element, node.data);
        }
    }
    return { language: document.documentElement.lang, said: [document.title, ...said] };
}"""


def faults(screen: Screen) -> list[str]:
    """Each text with an English word in it, on a page whose browser asks for Dutch; else nothing."""
    page = screen.page.evaluate(TEXTS, CONTENT)
    wanted = (screen.locale or "en").split("-")[0]
    found = [] if page["language"] == wanted else [f"lang={page['language']}, expected {wanted}"]
    if wanted == "nl":
        found += [
            f"English: {text[:120]}"
            for text in page["said"]
            if ENGLISH.search(ADDRESS.sub("", text))
        ]
    return found
