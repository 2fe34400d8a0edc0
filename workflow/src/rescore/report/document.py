"""What the HTML pages share: self-contained, silent towards every host, Vega's look in light and dark."""

import base64
import hashlib
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import altair as alt
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rescore.report import charts, text
from rescore.tables import count

_HERE = Path(__file__).parent


def document(template: str, scripts: Sequence[str], **context: object) -> str:
    """Render a template that extends base.html.j2, with its scripts behind chart.js, as one page that opens from disk.

    The page carries Vega, Vega-Lite and vega-embed, its data and its styles; its content security policy forbids every
    request and every script but its own two. Text of the context is escaped, and printable. `specs` of the context are
    the charts' Vega-Lite specifications.
    """
    code = "".join(_source(name) for name in ("chart.js", *scripts))
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.filters.update(
        count=count,
        percent=text.percent,
        metric=text.title,
        direction=charts.direction,
        ln=math.log,
    )
    return environment.get_template(template).render(
        **context,
        themes={
            "light": charts.theme(background="transparent"),
            "dark": charts.theme(ink="#e8eaed", muted="#a3abb6", rule="#363c45", background="transparent"),
        },
        style=Markup(_source("page.css")),  # noqa: S704  # our own file
        vega=Markup(_vega()),  # noqa: S704  # the library's own code
        code=Markup(code),  # noqa: S704  # our own files
        hashes=[_hash(_vega()), _hash(code)],
    )


def _source(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _vega() -> str:
    """Return Vega, Vega-Lite (of the version Altair writes) and vega-embed as one script."""
    version = alt.SCHEMA_VERSION.rpartition(".")[0]  # "v6.4.1" -> "v6.4"
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version))


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _printable(value: object) -> object:
    """Make any text that the template prints printable; ready markup passes."""
    return text.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
