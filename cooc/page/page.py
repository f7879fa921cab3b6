"""Sections as one HTML file, and what a browser may do with it.

The file holds all it needs. Its content security policy allows the two scripts and the style sheet that are in it, by
their digests, and nothing else: no request leaves the page, and no word of a corpus can become a program, even if it
slipped through the templates' escaping. Vega runs its expressions in its own interpreter, so no `unsafe-eval` is
needed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from cooc.errors import UsageError
from cooc.page.figures import library
from cooc.page.parts import Section

LARGEST = 5_000_000
"""Bytes of a page, which people send by mail."""


def page_html(title: str, lead: Sequence[str], sections: Sequence[Section], software: str) -> str:
    """The whole page."""
    scripts = [library(), _asset("page.js")]
    style = _asset("page.css")
    charts = {figure.name: {"spec": figure.spec, **figure.more} for part in sections for figure in part.figures}
    html = _template().render(
        title=title, lead=lead, sections=sections, software=software, style=_Raw(style),
        scripts=[_Raw(_guarded(each)) for each in scripts], policy=policy(scripts, style),
        data=_Raw(json_in_html(charts)),
    )  # fmt: skip
    return str(html)


def policy(scripts: Sequence[str], style: str) -> str:
    """The content security policy: the digests of what the page holds, and nothing from anywhere."""
    allowed = " ".join(map(_digest, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def json_in_html(value: Any) -> str:
    r"""JSON that no HTML parser can leave: what could end or open a tag is written as an escape.

    >>> json_in_html({"term": "</script><img>"})
    '{"term":"\\u003c/script\\u003e\\u003cimg\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return (files("cooc.page") / "assets" / name).read_text(encoding="utf-8")


def _guarded(script: str) -> str:
    """A script of ours or of Vega; these hold no end of a script, and a version that did must not be written."""
    if "</script" in script.lower() or "<!--" in script:
        raise UsageError("the plotting library holds the end of a script; install another version of vl-convert.")
    return script


class _Raw(str):
    """Text that is markup already."""

    def __html__(self) -> str:
        return self


def _template() -> Any:
    try:
        import jinja2
    except ImportError:
        raise UsageError('the page needs jinja2: pip install "cooc[report]"') from None
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_asset),
    )  # fmt: skip
    return environment.get_template("page.html.j2")
