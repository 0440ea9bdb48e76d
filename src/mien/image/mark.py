"""Marks: what mien made of a picture, written into its file as XMP, and read back.

What a packet says already (captions, keywords, rights, earlier marks) stays, but for what no longer holds.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.dom.minidom import Document, Element, Node, Text, parseString
from xml.parsers.expat import ExpatError

from mien.image.xmp import MAX_JPEG_PACKET, MAX_PACKET, put_packet, take_packet

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's word for a picture of which a part was made by a model that learned from others."""
GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""For one that was made as a whole; it is not made less so by mien."""

XMLNS = "http://www.w3.org/2000/xmlns/"
META = "adobe:ns:meta/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
MIEN = "urn:mien:mark:1/"
SOURCE_TYPE = "DigitalSourceType"
STALE = {
    (TIFF, "Orientation"),  # the picture is upright now
    (TIFF, "ImageWidth"),
    (TIFF, "ImageLength"),
    (EXIF, "PixelXDimension"),
    (EXIF, "PixelYDimension"),
}

MOST_FACES = 100
"""Of which a mark tells; a JPEG's packet must be short."""
MOST_RUNS = 8
"""The last ones are told of."""
MOST_DEPTH = 50
MOST_DIGITS = 15
"""Of a number that is believed."""
NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for (production 2), and names of files may have."""
PACKET = ('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', '\n<?xpacket end="w"?>')
EMPTY = f'<x:xmpmeta xmlns:x="{META}"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'


@dataclass(frozen=True)
class FaceMark:
    """One face that was recovered."""

    box: tuple[int, int, int, int]
    """In pixels of the picture: x0, y0, x1, y1."""
    evidence: float
    """Share of it that the photo showed."""
    identity: float | None = None
    """Cosine to the face in the photo."""


@dataclass(frozen=True)
class Mark:
    """What one run of mien did to a picture."""

    version: str
    model: str
    num_faces: int
    faces: tuple[FaceMark, ...]
    """At most `MOST_FACES` of them."""


def marked(content: bytes, mark: Mark | None, before: bytes | None = None, kind: str = COMPOSITE) -> bytes:
    """A file with a mark; `before` is the packet of the file that it was made of, `kind` IPTC's word.

    Without a mark that packet is carried over alone.
    """
    if mark is None and before is None:
        return content
    packet = packet_of(mark, before, kind)
    if content.startswith(b"\xff\xd8") and len(packet) > MAX_JPEG_PACKET:
        if mark is None:
            return content
        packet = packet_of(mark, None, kind)  # what mien did is more than what a JPEG has room for beside it
    return put_packet(content, packet)


def read_marks(content: bytes) -> tuple[Mark, ...]:
    """What earlier runs of mien did to the picture in a file, oldest first; none where nothing is told."""
    document = parsed(take_packet(content))
    return () if document is None else marks_in(document)


def source_type(content: bytes) -> str | None:
    """IPTC's digital source type, whoever wrote it."""
    document = parsed(take_packet(content))
    return None if document is None else find_source_type(document)


def packet_of(mark: Mark | None, before: bytes | None, kind: str = COMPOSITE) -> bytes:
    """Always the same bytes for the same mark."""
    document = parsed(before) or parsed(EMPTY.encode())
    assert document is not None
    drop(document, STALE)
    if mark is not None:
        kind = GENERATED if find_source_type(document) == GENERATED else kind
        marks = (*marks_in(document)[1 - MOST_RUNS :], mark)
        drop(document, {(IPTC, SOURCE_TYPE), (MIEN, "Runs")})
        add_record(document, kind, marks)
    text = document.documentElement.toxml() if document.documentElement else EMPTY
    return text.join(PACKET).encode()


# --- reading


def parsed(packet: bytes | None) -> Document | None:
    """A packet that can be trusted to be plain XML with RDF in it; None for all others.

    A document type is refused before anything is read, so that there are no entities, and with them
    no files or pages that these could name.
    """
    if packet is None or len(packet) > MAX_PACKET:
        return None
    try:
        text = packet.decode("utf-8").strip("\ufeff\0 \r\n\t")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            return None
        document = parseString(text.encode("utf-8"))
    except (UnicodeDecodeError, ExpatError, LookupError, ValueError):
        return None
    is_known = bool(document.getElementsByTagNameNS(RDF, "RDF")) if is_shallow(document) else False
    return document if is_known else None


def is_shallow(document: Document) -> bool:
    """Whether nothing in it lies so deep that writing it could fail."""
    layer: list[Node] = [document]
    for _ in range(MOST_DEPTH):
        layer = [child for node in layer for child in node.childNodes]
    return not layer


def marks_in(document: Document) -> tuple[Mark, ...]:
    runs = document.getElementsByTagNameNS(MIEN, "Runs")
    return tuple(read_mark(item) for run in runs for item in items(run))


def read_mark(item: Element) -> Mark:
    faces = tuple(read_face(face) for part in children(item, "Faces") for face in items(part))
    told = whole(word(item, "NumFaces"))
    return Mark(
        version=word(item, "Version"),
        model=word(item, "Model"),
        num_faces=len(faces) if told is None else max(told, 0),
        faces=faces,
    )


def read_face(item: Element) -> FaceMark:
    box = [whole(part) or 0 for part in word(item, "Box").split()[:4]]
    left, top, right, bottom = (*box, 0, 0, 0, 0)[:4]
    evidence, identity = number_of(item, "Evidence"), number_of(item, "Identity")
    return FaceMark((left, top, right, bottom), evidence or 0.0, identity)


def whole(text: str) -> int | None:
    """A number of pixels or faces; None for what is none, or beyond all reason."""
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and len(digits) <= MOST_DIGITS else None


def number_of(item: Element, name: str) -> float | None:
    """From 0 to 1, or -1 to 1; None for what is no number."""
    try:
        number = float(word(item, name))
    except ValueError:
        return None
    return None if math.isnan(number) else min(max(number, -1.0), 1.0)


def word(item: Element, name: str) -> str:
    """The text of a property, of which there is one at most; other programs write it as an attribute."""
    texts = [text_of(child) for child in children(item, name)]
    attributes = [part.getAttributeNS(MIEN, name) for part in holders(item)]
    return next((text for text in (*texts, *attributes) if text), "").strip()


def text_of(element: Element) -> str:
    return "".join(text.data for text in element.childNodes if isinstance(text, Text)).strip()


def children(parent: Element, name: str) -> list[Element]:
    """Properties of that name in our namespace."""
    return [
        node
        for holder in holders(parent)
        for node in elements(holder)
        if node.namespaceURI == MIEN and node.localName == name
    ]


def holders(item: Element) -> list[Element]:
    """What properties stand in: the item, or a description in it."""
    inner = [node for node in elements(item) if node.namespaceURI == RDF and node.localName == "Description"]
    return [*inner, item]


def items(container: Element) -> list[Element]:
    """Of a sequence."""
    return [
        item
        for sequence in elements(container)
        for item in elements(sequence)
        if item.namespaceURI == RDF and item.localName == "li"
    ]


def elements(parent: Element) -> list[Element]:
    return [node for node in parent.childNodes if isinstance(node, Element)]


def find_source_type(document: Document) -> str | None:
    for description in document.getElementsByTagNameNS(RDF, "Description"):
        if description.hasAttributeNS(IPTC, SOURCE_TYPE):
            return description.getAttributeNS(IPTC, SOURCE_TYPE)
    for element in document.getElementsByTagNameNS(IPTC, SOURCE_TYPE):
        linked = element.getAttributeNS(RDF, "resource")
        return linked or text_of(element)
    return None


# --- writing


def drop(document: Document, names: set[tuple[str, str]]) -> None:
    """Properties, whether they were written as elements or as attributes."""
    for space, name in sorted(names):
        for element in document.getElementsByTagNameNS(space, name):
            if element.parentNode is not None:
                element.parentNode.removeChild(element)
        for description in document.getElementsByTagNameNS(RDF, "Description"):
            if description.hasAttributeNS(space, name):
                description.removeAttributeNS(space, name)


def add_record(document: Document, kind: str, marks: tuple[Mark, ...]) -> None:
    """A description of our own behind all others."""
    description = document.createElementNS(RDF, "rdf:Description")
    for prefix, space in (("rdf", RDF), ("Iptc4xmpExt", IPTC), ("mien", MIEN)):
        description.setAttributeNS(XMLNS, f"xmlns:{prefix}", space)
    description.setAttributeNS(RDF, "rdf:about", "")
    add(description, IPTC, f"Iptc4xmpExt:{SOURCE_TYPE}", kind)
    runs = sequence_in(add(description, MIEN, "mien:Runs"))
    for mark in marks:
        add_run(runs, mark)
    document.getElementsByTagNameNS(RDF, "RDF")[0].appendChild(description)


def add_run(runs: Element, mark: Mark) -> None:
    run = add_item(runs)
    for name, value in (("Version", mark.version), ("Model", mark.model), ("NumFaces", str(mark.num_faces))):
        add(run, MIEN, f"mien:{name}", value)
    faces = sequence_in(add(run, MIEN, "mien:Faces"))
    for face in mark.faces[:MOST_FACES]:
        item = add_item(faces)
        for name, value in told(face):
            add(item, MIEN, f"mien:{name}", value)


def told(face: FaceMark) -> Iterator[tuple[str, str]]:
    yield "Box", " ".join(map(str, face.box))
    yield "Evidence", f"{face.evidence:.4f}"
    if face.identity is not None:
        yield "Identity", f"{face.identity:.4f}"


def add(parent: Element, space: str, name: str, value: str = "") -> Element:
    document = parent.ownerDocument
    assert document is not None
    child = document.createElementNS(space, name)
    if value:
        child.appendChild(document.createTextNode(NO_XML.sub("\ufffd", value)))
    parent.appendChild(child)
    return child


def sequence_in(parent: Element) -> Element:
    return add(parent, RDF, "rdf:Seq")


def add_item(sequence: Element) -> Element:
    item = add(sequence, RDF, "rdf:li")
    item.setAttributeNS(RDF, "rdf:parseType", "Resource")
    return item
