"""Elements of the page, escaped by the standard library's serialiser: no text of a program is ever taken for markup."""

from __future__ import annotations

from xml.etree import ElementTree

from regrad.report.console import clean

Element = ElementTree.Element
Child = Element | str | None


def element(tag: str, *children: Child, **attributes: str | bool | None) -> Element:
    """An element; `class_` stands for `class`, `data_rule` for `data-rule`; what is None or False is left out."""
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            made.set(name.rstrip("_").replace("_", "-"), name if value is True else value)
    last: Element | None = None
    for child in children:
        if child is None:
            continue
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return made


def drawn(made: Element) -> str:
    return ElementTree.tostring(made, encoding="unicode", method="html")


def told(text: str) -> str:
    """Somebody else's text on one line, without the characters that turn the direction of writing or hide others."""
    return clean(text).replace("\n", " ")


def kept(text: str) -> str:
    """Lines of a program as they are laid out, their tabs too; what would hide other characters is made visible."""
    return "\t".join(map(clean, text.split("\t")))


def prose(text: str) -> list[Child]:
    """A sentence of ours, in which the program is quoted between backticks."""
    pieces = told(text).split("`")
    if len(pieces) % 2 == 0:
        return ["`".join(pieces)]
    return [element("code", each) if number % 2 else each for number, each in enumerate(pieces)]


def isolated(text: str, tag: str = "bdi", **attributes: str | bool | None) -> Element:
    """A name that somebody else gave, so that its direction of writing ends where it ends."""
    return element(tag, told(text), **attributes)


def table(caption: str, heads: list[str], rows: list[list[Child]], numbers: int) -> Element:
    """A table whose first column names the row; the columns from `numbers` on are figures."""
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *(_head(at, head, numbers) for at, head in enumerate(heads)))),
            element(
                "tbody", *(element("tr", *(_cell(at, each, numbers) for at, each in enumerate(row))) for row in rows)
            ),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _head(at: int, words: str, numbers: int) -> Element:
    return element("th", words, scope="col", class_="number" if at >= numbers else None)


def _cell(at: int, child: Child, numbers: int) -> Element:
    if at == 0:
        return element("th", child, scope="row")
    return element("td", child, class_="number" if at >= numbers else None)
