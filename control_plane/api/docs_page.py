"""The page at /docs: the OpenAPI document as HTML, without scripts and without other hosts."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--dim:#888}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow:auto;padding:.6rem;border:1px solid var(--line);border-radius:.4rem}
details{border-bottom:1px solid var(--line);padding:.35rem 0}
summary{cursor:pointer}summary b{display:inline-block;width:4.5rem}
summary span,td+td{color:var(--dim)}td{padding:.1rem 1rem .1rem 0;vertical-align:top}
dt{font-family:ui-monospace,monospace;margin-top:.6rem}dt:target{outline:2px solid}
"""


def docs_page(document: Mapping[str, Any], problems: Mapping[str, str]) -> str:
    """HTML of every operation of an OpenAPI document, and of the types of problems."""
    info = document["info"]
    groups: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                tag = operation.get("tags", ["other"])[0]
                groups.setdefault(tag, []).append(_operation(method, path, operation))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{escape(info.get('description', ''))}</p>"
        "<p><a href=/openapi.json>openapi.json</a> describes the same for programs.</p>"
        f"{body}{_problems(problems)}</html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    return (
        f"<details id={escape(operation['operationId'])}><summary><b>{method.upper()}</b>"
        f"<code>{escape(path)}</code> <span>{escape(operation.get('summary', ''))}</span></summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f"{_parameters(operation.get('parameters', ()))}"
        f"{_body(operation.get('requestBody'))}{_responses(operation['responses'])}</details>"
    )


def _parameters(parameters: Iterable[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code><td>{escape(p['in'])}"
        f"<td>{escape(p.get('description', ''))}"
        for p in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _body(body: Mapping[str, Any] | None) -> str:
    if not body:
        return ""
    content = body["content"]["application/json"]
    examples = content.get("examples") or {}
    shown = "".join(
        f"<p>{escape(e.get('summary', ''))}</p>"
        f"<pre>{escape(json.dumps(e['value'], indent=2))}</pre>"
        for e in examples.values()
    )
    return f"<p>Body: <code>{escape(_schema(content['schema']))}</code></p>{shown}"


def _responses(responses: Mapping[str, Any]) -> str:
    rows = []
    for status, response in responses.items():
        kinds = ", ".join(
            f"{media} {_schema(found.get('schema', {}))}"
            for media, found in response.get("content", {}).items()
        )
        rows.append(
            f"<tr><td>{escape(status)}<td>{escape(response['description'])}"
            f"<td><code>{escape(kinds)}</code>"
        )
    return f"<table>{''.join(rows)}</table>"


def _schema(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"[{_schema(schema.get('items', {}))}]"
    return str(schema.get("type", ""))


def _problems(problems: Mapping[str, str]) -> str:
    entries = "".join(
        f"<dt id={escape(slug)}>{escape(slug)}<dd>{escape(text)}" for slug, text in problems.items()
    )
    return f"<h2>Problems</h2><p>The tail of a problem's <code>type</code>.</p><dl>{entries}</dl>"
