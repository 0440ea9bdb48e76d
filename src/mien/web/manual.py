"""The API's description as a page that needs nothing from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape

Node = Mapping[str, object]

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h2 { margin-top: 2.5rem; font-size: 1.15rem; }
code, pre { font: 0.9em ui-monospace, monospace; }
pre { padding: 0.8rem; overflow-x: auto; border: 1px solid #8886; border-radius: 6px; }
div { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 1rem 0.3rem 0; }
tr { border-bottom: 1px solid #8884; }
"""
EXAMPLE = """curl -F picture=@old.jpg HOST/api/recover -o new.png
curl -F picture=@old.jpg -H 'Accept: application/json' HOST/api/recover
curl -F picture=@old.jpg HOST/api/faces"""


def make_manual(description: Node) -> str:
    """A page from an OpenAPI description."""
    info = child(description, "info")
    return "\n".join(
        (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>mien: API</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{STYLE}</style><body><main><h1>mien {escape(str(info['version']))}: API</h1>",
            f"<p>{escape(str(info['description']))}",
            "<a href='/'>To the page</a> · <a href='/api/openapi.json'>openapi.json</a></p>",
            f"<pre>{escape(EXAMPLE)}</pre>",
            *(part for path in children(description, "paths") for part in route(description, *path)),
            "<h2>JSON</h2>",
            *(part for schema in children(description, "components", "schemas") for part in answer(*schema)),
            "</main></body></html>",
        )
    )


def route(description: Node, path: str, methods: Node) -> Iterator[str]:
    """One path with its fields and answers."""
    for method, told in children(methods):
        yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        yield f"<p>{escape(str(told.get('summary', '')))}. {escape(str(told.get('description', '')))}</p>"
        for _, body in children(told, "requestBody", "content"):
            name = str(child(body, "schema").get("$ref", "")).rpartition("/")[2]
            yield from fields("field", child(description, "components", "schemas", name))
        answers = [(status, str(one.get("description", ""))) for status, one in children(told, "responses")]
        yield from table("answer", answers)


def answer(name: str, schema: Node) -> Iterator[str]:
    """What an object of an answer has; forms were shown with their routes."""
    if not name.startswith("Body_"):
        yield f"<h3><code>{escape(name)}</code></h3>"
        yield from fields("entry", schema)


def fields(title: str, schema: Node) -> Iterator[str]:
    """What an object has."""
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    rows = [
        (name, ", ".join(filter(None, (kind_of(one), "needed" if name in needed else "", words_of(one)))))
        for name, one in children(schema, "properties")
    ]
    yield from table(title, rows)


def kind_of(schema: Node) -> str:
    """In words: a type, a choice, bounds."""
    options = schema.get("anyOf")
    if isinstance(options, list):
        return next(kind_of(one) for one in options if isinstance(one, Mapping) and one.get("type") != "null")
    choice = schema.get("enum")
    if isinstance(choice, list):
        return " or ".join(map(str, choice))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {kind_of(child(schema, 'items'))}"
    if "contentMediaType" in schema or schema.get("format") == "binary":
        return "file"
    bounds = [f"{schema[name]:g}" for name in ("minimum", "maximum") if name in schema]
    return f"{schema.get('type', '')} {' to '.join(bounds)}".strip()


def words_of(schema: Node) -> str:
    """What is said of a field."""
    return str(schema.get("description", ""))


def table(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    """Two columns; nothing where there are no rows."""
    if rows:
        yield f"<div><table><tr><th>{title}</th><th></th></tr>"
        yield from (
            f"<tr><td><code>{escape(left)}</code></td><td>{escape(right)}</td></tr>" for left, right in rows
        )
        yield "</table></div>"


def child(node: Node, *names: str) -> Node:
    """What lies there, if anything does."""
    for name in names:
        inner = node.get(name)
        node = inner if isinstance(inner, Mapping) else {}
    return node


def children(node: Node, *names: str) -> Iterator[tuple[str, Node]]:
    """What lies below there."""
    return ((name, one) for name, one in child(node, *names).items() if isinstance(one, Mapping))
