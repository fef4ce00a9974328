"""The landing page: what this is, whose data it serves, and three requests to paste. No script, nothing fetched."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

from schema.catalog import Catalog

REQUESTS = (
    ("A school and its district", '{ school(code: "KEC-00001") { name level district { name division } } }'),
    (
        "Facilities of a district, counted by type",
        '{ facilities(where: {district: {code: {eq: "KEC"}}}) { aggregate(groupBy: [TYPE]) { key { type } count } } }',
    ),
    (
        "Who owns a field, and how sensitive it is",
        '{ field(coordinate: "Student.bForm") { owner classification personal legalBasis system relation column } }',
    ),
)
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a}"
    "pre{background:#f3f3ef;padding:.8rem;overflow-x:auto;border-left:3px solid #2f6f4f}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem 1rem .2rem 0}"
)


def page(catalog: Catalog) -> HTMLResponse:
    """The page as HTML under a policy that lets nothing else in."""
    departments = "".join(
        f"<tr><td>{escape(department.title)}</td><td>{escape(department.post)}</td>"
        f"<td><a href=/contracts/{escape(department.name)}.yaml>contract</a></td></tr>"
        for department in catalog.departments.values()
    )
    requests = "".join(f"<h3>{escape(title)}</h3><pre>{escape(text)}</pre>" for title, text in REQUESTS)
    body = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Balochistan data gateway</title>"
        f"<style>{STYLE}</style><h1>Balochistan data gateway</h1>"
        "<p>One GraphQL endpoint over the departments&#8217; own systems. Each department keeps its data, says who may "
        "see what, and every answer is recorded.</p>"
        f"<table><tr><th>Department</th><th>Answerable</th><th></th></tr>{departments}</table>"
        "<h2>Three requests to paste</h2><p>Send them by POST to <code>/graphql</code> as "
        "<code>{&quot;query&quot;: &quot;...&quot;}</code>, or by GET as <code>/graphql?query=...</code>.</p>"
        f"{requests}<p>The whole schema: <a href=/schema.graphql>/schema.graphql</a>. The catalogue for other portals: "
        "<a href=/catalog.jsonld>/catalog.jsonld</a>. Health: "
        "<a href=/healthz>/healthz</a>, <a href=/readyz>/readyz</a>, <a href=/metrics>/metrics</a>.</p></html>"
    )
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(body, headers={"content-security-policy": policy, "x-content-type-options": "nosniff"})
