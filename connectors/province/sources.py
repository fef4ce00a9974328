"""The department whose source is the others."""

from schema.sources import Capabilities, Department, Source

province = Department(
    "province", "Planning and Development Department, Government of Balochistan",
    "Additional Chief Secretary, Planning and Development", contact="Chief Economist, Quetta",
)  # fmt: skip
records = Source(
    "records", "province", "derived", "Records of the other departments",
    Capabilities(key_columns=frozenset()), owner="Chief Economist, Planning and Development",
    description="Nothing is kept here: each request is worked out from the departments' systems.",
)  # fmt: skip
lives = Source(
    "lives", "province", "derived", "Records of the other departments, by person",
    Capabilities(list_all=False, key_columns=frozenset()), owner="Chief Economist, Planning and Development",
    description="Nothing is kept here, and nothing is listed: it is worked out for the persons one comes from.",
)  # fmt: skip
