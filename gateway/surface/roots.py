"""The root types: what can be asked for, done and watched."""

from __future__ import annotations

from gateway import ownership
from gateway.surface.records import arguments_of
from gateway.surface.script import Script, type_name
from schema.catalog import Record
from schema.presets import Preset

KEY = "idempotencyKey"
"""The input that every action takes beside its own."""
LIVE = "live"
"""The root field of live queries."""
KNOWN_AT = (
    ', as_known_at: Annotated["DateTime | None", strawberry.argument(name="asKnownAt", description='
    '"As the source knew it at this moment; only for records whose rows say since when they are known.")] = UNSET'
)


def feed_name(record: Record) -> str:
    """The root field of a record's feed: ``stockChanged``."""
    return f"{record.singular}Changed"


def write_query(script: Script) -> None:
    body: list[str] = []
    for record in script.records:
        name, key = record.type_name, record.key_field
        if f"{name}.{key.api_name}" not in script.hidden and record.has_root:
            text = script.fact(f"One {name} by its {key.api_name}.")
            body += [
                f'def r_one(self, key: Annotated["{type_name(key.scalar)}", strawberry.argument('
                f'name="{key.api_name}")]{KNOWN_AT}) -> "{name} | None": return None',
                f'f_{record.singular}: "{name} | None" = strawberry.field(resolver=r_one, '
                f'name="{record.singular}", description={text})',
                "del r_one",
            ]
        if record.source.capabilities.list_all:
            text = script.fact(f"All {record.plural} you may see, page by page.")
            body += [
                f'def r_many(self{arguments_of(record)}{KNOWN_AT}) -> "{name}Connection | None": return None',
                f'f_{record.plural}: "{name}Connection | None" = strawberry.field(resolver=r_many, '
                f'name="{record.plural}", description={text})',
                "del r_many",
            ]
    for preset, record in script.catalog.presets.values():
        if record in script.records:
            body += _preset(script, preset, record)
    script.write_class("type", "Query", "Read access to the departments' records.", body + ownership.QUERY_FIELDS)


def _preset(script: Script, preset: Preset, record: Record) -> list[str]:
    text = script.fact(preset.description)
    given = "".join(
        f', a_{one.name}: Annotated["str{"" if one.required else " | None"}", strawberry.argument('
        f'name="{one.name}", description={script.fact(one.description)})]{"" if one.required else " = UNSET"}'
        for one in sorted(preset.arguments, key=lambda one: not one.required)
    )
    return [
        f'def r_preset(self{given}{arguments_of(record)}) -> "{record.type_name}Connection | None": return None',
        f'f_{preset.name}: "{record.type_name}Connection | None" = strawberry.field(resolver=r_preset, '
        f'name="{preset.name}", description={text})',
        "del r_preset",
    ]


def write_mutation(script: Script) -> None:
    """What the departments let clients have done; no root when there is nothing."""
    body: list[str] = []
    for action in script.catalog.actions.values():
        inputs = [
            f'i_{one.name}: "{type_name(one.scalar)}" = strawberry.field(name="{one.api_name}", '
            f"description={script.fact(one.description or None)})"
            for one in action.inputs
        ]
        told = "Of your choice, a new one for each; with the same one nothing is done twice."
        inputs.append(f'i_key: str = strawberry.field(name="{KEY}", description="{told}")')
        script.write_class("input", f"{action.type_name}Input", f"What {action.api_name} takes.", inputs)
        shown = [script.catalog.records[name] for name in (action.kept, action.about)]
        fields = [
            f'f_{record.singular}: "{record.type_name} | None" = strawberry.field(name="{record.singular}")'
            for record in shown
            if not record.is_hidden(script.hidden)
        ]
        about = f"What became of {action.api_name}."
        script.write_class("type", f"{action.type_name}Payload", about, fields or ["pass"])
        body += [
            f'def r_one(self, input: "{action.type_name}Input") -> "{action.type_name}Payload | None": return None',
            f'f_{action.api_name}: "{action.type_name}Payload | None" = strawberry.field(resolver=r_one, '
            f'name="{action.api_name}", description={script.fact(action.description)})',
            "del r_one",
        ]
    if body:
        script.write_class("type", "Mutation", "What a department lets you have done; one after the other.", body)


def write_subscription(script: Script) -> None:
    """``live`` for any query, and a feed of changes for each record that says how changes are noticed."""
    body = _stream(script, LIVE, "", "Query", "The answer to a query, sent anew whenever it is another one.")
    for record in script.records:
        if record.changes is not None:
            name = record.type_name
            text = f"What happens to one of the {record.plural}."
            script.write_class(
                "type", f"{name}Change", text,
                ["change: Change", "cursor: str", "key: str | None", f'node: "{name} | None"'],
            )  # fmt: skip
            arguments = f', where: "{name}Where | None" = UNSET, after: "str | None" = UNSET'
            told = f"Changes of {record.plural} you may see; after a cursor, those that came since."
            body += _stream(script, feed_name(record), arguments, f"{name}Change", told)
    about = "What is told when it happens, by WebSocket or server-sent events."
    script.write_class("type", "Subscription", about, body)


def _stream(script: Script, name: str, arguments: str, kind: str, description: str) -> list[str]:
    text = script.fact(description)
    return [
        f'async def s_one(self{arguments}) -> AsyncGenerator["{kind}", None]: yield None',
        f'f_{name}: AsyncGenerator["{kind}", None] = strawberry.subscription(resolver=s_one, name="{name}", '
        f"description={text})",
        "del s_one",
    ]
