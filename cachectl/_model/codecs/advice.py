"""What to do with a value that no codec takes, told from its type."""

from typing import Final

from cachectl._model.codecs import qualified_name

_BY_ATTRIBUTE: Final = (
    ("model_dump", '.model_dump(mode="json")'),  # of pydantic
    ("__dataclass_fields__", "dataclasses.asdict(…)"),
    ("_asdict", "._asdict()"),  # named tuples
    ("isoformat", ".isoformat()"),  # dates and times, ours and those of others
    ("total_seconds", ".total_seconds()"),
)
_BY_BASE: Final = (
    ("enum.Enum", ".value"),
    ("numpy.generic", ".item()"),
    ("decimal.Decimal", "str(…)"),
    ("fractions.Fraction", "str(…)"),
    ("uuid.UUID", "str(…)"),
    ("pathlib.PurePath", "str(…)"),
    ("str", "str(…)"),
    ("bytes", "bytes(…)"),
    ("bytearray", "bytes(…)"),
    ("memoryview", "bytes(…)"),
    ("int", "int(…)"),
    ("float", "float(…)"),
    ("dict", "dict(…)"),
    ("tuple", "list(…)"),
    ("list", "list(…)"),
    ("set", "sorted(…)"),
    ("frozenset", "sorted(…)"),
)
"""By the names of types: none is imported for this."""


def advice(kind: type) -> str:
    """Return what makes a value of such a type one that can be stored, and where that is said once."""
    bases = {qualified_name(base) for base in kind.__mro__}
    found = next((way for name, way in _BY_ATTRIBUTE if hasattr(kind, name)), None)
    found = found or next((way for name, way in _BY_BASE if name in bases), None)
    first = "convert it" if found is None else f"store {found} of it"
    return f"{first}, or give the namespace a dump= and a load= that do so"
