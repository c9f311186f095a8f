"""What axe-core (Deque) finds on a page, in both colour schemes: WCAG 2.2 A and AA."""

from pathlib import Path

from tests.browser.screens import Screen

AXE = Path(__file__).parents[2] / "webapp/frontend/node_modules/axe-core/axe.min.js"
RULES = {
    "light": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    # Only colours are others: the rules that look at them.
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
RUN = """async (runOnly) => {
    const { violations } = await axe.run(document, { runOnly, resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) =>
        `${id}: ${node.html.slice(0, 160)} ${node.any.map((one) => one.message).join(' ').slice(0, 200)}`));
}"""


def faults(screen: Screen) -> list[str]:
    """One line for each element that a rule is broken by."""
    # Evaluated by the debugger, so the page's own policy for scripts stays as it is.
    screen.page.evaluate(AXE.read_text(encoding="utf-8") + ";undefined")
    found = []
    for scheme, rules in RULES.items():
        # Colours don't fade where motion is reduced.
        screen.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {fault}" for fault in screen.page.evaluate(RUN, rules)]
    screen.page.emulate_media(color_scheme="null", reduced_motion="null")
    return found
