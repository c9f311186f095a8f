"""One self-contained HTML page out of reports: figures as tables with their conditions, and plots.

Used by `make bench` and `make drill` alike. Plots are made by pygal: pure Python, no fonts, no scripts, and SVG
whose colours are CSS variables, so that they follow light and dark. Each plot's values stand in a table too.
"""

import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

from bench.report import Figure, Plot, Report, read

_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="var(--text)",
    foreground_strong="var(--text)",
    foreground_subtle="var(--faint)",
    font_family="inherit",
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=14,
    title_font_size=16,
    opacity=".85",
    colors=("var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)"),
)
_CSS = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def write(folder: Path, title: str, lead: str) -> Path:
    """`index.html` from all reports in the folder; returns its path."""
    reports = [read(path) for path in sorted(folder.glob("*.json"))]
    path = folder / "index.html"
    path.write_text(page(title, lead, reports), encoding="utf-8")
    return path


def page(title: str, lead: str, reports: Iterable[Report]) -> str:
    reports = list(reports)
    links = "".join(
        f'<li><a href="#{_text(r.name)}">{_text(r.title)}</a> {_verdict(r.well if _asks(r) else None)}</li>'
        for r in reports
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{_CSS}</style></head><body><h1>{_text(title)}</h1><p>{_text(lead)}</p>"
        f"<nav><ul>{links}</ul></nav><main>{''.join(map(_section, reports))}</main></body></html>\n"
    )


def _asks(report: Report) -> bool:
    return any(f.well is not None for f in report.figures)


def _section(report: Report) -> str:
    return (
        f'<section id="{_text(report.name)}"><h2>{_text(report.title)}</h2><p>{_text(report.what)}</p>'
        + _table(
            ("Figure", "Value", "", "Asked for", ""), [_figure_cells(f) for f in report.figures]
        )
        + "".join(map(_plot, report.plots))
        + "<h3>Conditions</h3>"
        + _table(("", ""), [(_text(k), _text(_plain(v))) for k, v in report.conditions.items()])
        + f'<p class="soft">All details: {_text(report.name)}.json</p></section>'
    )


def _figure_cells(figure: Figure) -> tuple[str, ...]:
    return (
        _text(figure.name),
        _number(figure.value),
        _text(figure.unit),
        _text(figure.goal),
        _verdict(figure.well),
    )


def _verdict(well: bool | None) -> str:
    if well is None:
        return ""
    return '<span class="well">✓ well</span>' if well else '<span class="missed">✗ missed</span>'


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    top = "".join(f'<th scope="col">{h}</th>' for h in head) if any(head) else ""
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(map(_cell, rest))}</tr>' for first, *rest in rows
    )
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    return f'<td class="number">{text}</td>' if _is_number(text) else f"<td>{text}</td>"


def _plot(plot: Plot) -> str:
    kind: Any = pygal.Line if plot.kind == "line" else pygal.Bar
    if not any(v is not None for values in plot.series.values() for v in values):
        return ""
    step = max(1, len(plot.labels) // 12)
    chart = kind(
        style=_STYLE, js=[], disable_xml_declaration=True, width=900, height=360, legend_at_bottom=True,
        show_legend=len(plot.series) > 1, x_label_rotation=25 if len(plot.labels) > 6 else 0, include_x_axis=True,
        y_title=plot.unit, truncate_label=28, show_minor_x_labels=False, dots_size=2,
    )  # fmt: skip
    chart.x_labels = plot.labels
    chart.x_labels_major = plot.labels[::step]
    for name, values in plot.series.items():
        chart.add(name, values)
    svg = re.sub(r"<script.*?</script>|<!--.*?-->", "", chart.render(is_unicode=True), flags=re.S)
    svg = svg.replace(
        "<svg ",
        f'<svg role="img" aria-label="{_text(plot.title)}; the values stand in the table below" ',
        1,
    )
    table = _table(
        (_text(plot.unit), *map(_text, plot.series)),
        [
            (_text(label), *(_number(v[i]) for v in plot.series.values()))
            for i, label in enumerate(plot.labels)
        ],
    )
    return (
        f"<figure><figcaption><strong>{_text(plot.title)}</strong> ({_text(plot.unit)})</figcaption>{svg}"
        f"<details><summary>The values as a table</summary>{table}</details></figure>"
    )


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?[\d ,.–]+", text))


def _number(value: float | int | str | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        value = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    elif isinstance(value, int):
        value = f"{value:,}"
    return _text(value)


def _text(value: object) -> str:
    return html.escape(str(value))
