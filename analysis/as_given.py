"""What a call is given, as it is at that moment: what a list or dictionary becomes afterwards is none of the call's."""

from __future__ import annotations

from regrad.analysis.values import Collection, Mapping, Union_, Value, Zip

_DEEPEST = 8


def as_given(value: Value, depth: int = 0) -> Value:
    """The value with its lists and dictionaries copied, and those inside of them."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, Collection):
        copied = Collection(value.kind, value.items, value.complete, value.node)
        # A long list is not looked through for others inside of it; what is known of it as a whole stays.
        copied.fields.update(value.fields)
        if len(value.items) < 256 and any(isinstance(item, _HOLDERS) for item in value.items):
            copied.fields["items"] = type(value.items)(as_given(item, depth + 1) for item in value.items)
        return copied
    if isinstance(value, Mapping):
        entries = {key: as_given(item, depth + 1) for key, item in value.entries.items()}
        return Mapping(entries, value.complete, value.node)
    if isinstance(value, Zip):
        return Zip(tuple(as_given(part, depth + 1) for part in value.parts), value.node, value.held)
    if isinstance(value, Union_):
        return Union_(tuple(as_given(part, depth + 1) for part in value.alternatives))
    return value


_HOLDERS = (Collection, Mapping, Zip, Union_)
