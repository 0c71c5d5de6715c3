# SPDX-License-Identifier: Apache-2.0
"""A known word in every field of a referral that takes free text, found from the schema, so that a
new field is covered by itself."""

WORD = "Canarytext"
OURS = ("/pathway", "/body_digest")  # texts without a list that are not the sender's to choose


def _parts(node):
    """(attributes, type) of a field, an item or a branch; a union is what it is beside null."""
    attributes = {}
    while True:
        if isinstance(node, list):
            node = next(branch for branch in node if branch != "null")
        elif isinstance(node, dict) and node.get("type") not in ("record", "array"):
            attributes.update({k: v for k, v in node.items() if k not in ("type", "name", "doc")})
            node = node["type"]
        else:
            return attributes, node


def _walk(node, path, above):
    """(path, attributes) of each text."""
    attributes, kind = _parts(node)
    attributes = {**above, **attributes}
    if kind == "string":
        yield path, attributes
    elif isinstance(kind, dict) and kind["type"] == "record":
        for field in kind["fields"]:
            yield from _walk(field, f"{path}/{field['name']}", {})
    elif isinstance(kind, dict) and kind["type"] == "array":
        yield from _walk(kind["items"], f"{path}/*", {**attributes, **kind, "items": None})


def _is_free(path, attributes):
    return not {"oneOf", "format", "setBy"} & set(attributes) and path not in OURS


def free_texts(schema):
    return {path for path, attributes in _walk(schema, "", {}) if _is_free(path, attributes)}


def closed_texts(schema):
    """Those that a sender may fill, but not with anything."""
    return {
        path
        for path, attributes in _walk(schema, "", {})
        if not _is_free(path, attributes) and "setBy" not in attributes and path not in OURS
    }


def put(body, path, value):
    """Sets the text where its surroundings are there; whether it did."""
    *way, last = path.strip("/").split("/")
    here = [body]
    for number, name in enumerate(way):
        if name == "*":
            here = [item for items in here for item in items]
        elif last == "*" and number == len(way) - 1:
            for one in here:
                one[name] = [value]
            return bool(here)
        else:
            here = [one[name] for one in here if one.get(name) is not None]
    for one in here:
        one[last] = value
    return bool(here)
