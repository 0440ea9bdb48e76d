import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mien.image.io import Photo, encode_photo
from mien.image.mark import (
    COMPOSITE,
    GENERATED,
    MOST_FACES,
    MOST_RUNS,
    FaceMark,
    Mark,
    marked,
    packet_of,
    read_marks,
    source_type,
)
from mien.image.xmp import MAX_JPEG_PACKET, put_packet, take_packet

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
FACES = (FaceMark((1, 2, 30, 40), 0.41, 0.83), FaceMark((5, 6, 7, 8), 1.0))
MARK = Mark("0.1.0", "restore", 2, FACES)
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")


def replace_face(**told):
    return replace(MARK, faces=(replace(FACES[0], **told), FACES[1]))


CAMERA = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
  tiff:Orientation="6" i:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Oma &amp; Opa, 1931</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def picture(format_name: str = "PNG") -> bytes:
    return encode_photo(Photo(torch.rand(3, 6, 5, generator=torch.Generator().manual_seed(0))), format_name)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_mark_comes_back(format_name):
    content = marked(picture(format_name), MARK)
    assert read_marks(content) == (MARK,)
    assert source_type(content) == COMPOSITE
    assert content == marked(picture(format_name), MARK), "the same bytes each time"


def test_without_a_mark_and_a_packet_nothing_changes():
    content = picture()
    assert marked(content, None) == content
    assert read_marks(content) == ()
    assert source_type(content) is None


def test_another_parser_reads_it():
    packet = take_packet(marked(picture(), MARK))
    assert packet is not None
    root = ElementTree.fromstring(packet.decode())
    space = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    assert [element.text for element in root.iter(f"{space}DigitalSourceType")] == [COMPOSITE]
    assert root.find(f"{RDF}RDF/{RDF}Description") is not None


def test_captions_stay_and_what_is_stale_goes():
    content = marked(picture(), MARK, CAMERA)
    packet = (take_packet(content) or b"").decode()
    assert "Oma &amp; Opa, 1931" in packet
    assert "Orientation" not in packet
    assert packet.count("DigitalSourceType>") == 2
    assert "digitalCapture" not in packet
    assert read_marks(content) == (MARK,)


def test_a_packet_is_carried_over_without_a_mark():
    packet = (take_packet(marked(picture(), None, CAMERA)) or b"").decode()
    assert "1931" in packet
    assert "digitalCapture" in packet
    assert "Orientation" not in packet


def test_runs_are_told_in_their_order():
    other = Mark("0.2.0", "rotate", 1, FACES[:1])
    content = marked(picture("JPEG"), other, take_packet(marked(picture(), MARK)))
    assert read_marks(content) == (MARK, other)
    for number in range(2 * MOST_RUNS):
        content = marked(picture(), Mark(str(number), "restore", 0, ()), take_packet(content))
    assert [mark.version for mark in read_marks(content)] == [
        str(number) for number in range(MOST_RUNS, 2 * MOST_RUNS)
    ]


def test_what_was_generated_as_a_whole_stays_so():
    generated = CAMERA.replace(b"digitalCapture", b"trainedAlgorithmicMedia")
    assert source_type(marked(picture(), MARK, generated)) == GENERATED


def test_a_crowd_fits_into_a_jpeg():
    crowd = Mark("0.1.0", "restore", 500, (FaceMark((1000, 2000, 1100, 2100), 0.5, 0.5),) * 500)
    long = CAMERA.replace(b"1931", b"1931" + b" and so on" * 10_000)
    content = marked(picture("JPEG"), crowd, long)
    (mark,) = read_marks(content)
    assert (mark.num_faces, len(mark.faces)) == (500, MOST_FACES)
    assert len(take_packet(content) or b"") < MAX_JPEG_PACKET
    assert marked(picture("JPEG"), None, long) == picture("JPEG")


@pytest.mark.parametrize(
    "packet",
    [
        b"no xml",
        b"\xff\xfe\x00",
        b"<x/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + CAMERA.partition(b"\n")[2],
        CAMERA.replace(b"Oma", b'<!DOCTYPE x SYSTEM "file:///etc/passwd">'),
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b" " * 1_000_001,
    ],
)
def test_packets_that_cannot_be_trusted_are_replaced(packet):
    assert read_marks(put_packet(picture(), packet)) == ()
    content = marked(picture(), MARK, packet)
    assert read_marks(content) == (MARK,)
    assert b"DOCTYPE" not in content


def test_what_other_programs_make_of_a_mark_is_read():
    rewritten = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:rdf="{RDF[1:-1]}"><rdf:RDF>
    <rdf:Description xmlns:m="urn:mien:mark:1/"><m:Runs><rdf:Seq><rdf:li><rdf:Description m:Version="0.1.0"
    m:Model="restore" m:NumFaces="1"><m:Faces><rdf:Seq><rdf:li m:Box="1 2 3 4" m:Evidence="0.5"/>
    <rdf:li m:Box="a" m:Evidence="b" m:Identity="nan"/></rdf:Seq></m:Faces></rdf:Description></rdf:li>
    </rdf:Seq></m:Runs></rdf:Description></rdf:RDF></x:xmpmeta>"""
    (mark,) = read_marks(put_packet(picture(), rewritten.encode()))
    assert (mark.version, mark.model, mark.num_faces) == ("0.1.0", "restore", 1)
    assert mark.faces[0] == FaceMark((1, 2, 3, 4), 0.5, None)
    assert mark.faces[1].box == (0, 0, 0, 0)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30))
def test_any_model_name_comes_back(name):
    mark = Mark("1", f"rotate:{name}.safetensors", 0, ())
    packet = packet_of(mark, packet_of(mark, CAMERA))
    assert read_marks(put_packet(picture(), packet)) == (mark, mark)


@pytest.mark.parametrize("name", ["a\udcff", "a\x01b", "a\ufffe"])
def test_names_that_xml_cannot_hold_are_told_as_far_as_it_can(name):
    content = marked(picture(), Mark("1", name, 0, ()))
    assert read_marks(content) == (Mark("1", re.sub(r"[^ab]", "\ufffd", name), 0, ()),)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (("NumFaces>2<", f"NumFaces>{'9' * 5000}<"), MARK),
        (("NumFaces>2<", "NumFaces>-7<"), replace(MARK, num_faces=0)),
        (("Box>1 2 30 40<", "Box>--1 2 30 40 5<"), replace_face(box=(0, 2, 30, 40))),
        (("Evidence>0.4100<", "Evidence>nan<"), replace_face(evidence=0.0)),
        (("Identity>0.8300<", "Identity>nan<"), replace_face(identity=None)),
        (("Identity>0.8300<", "Identity>inf<"), replace_face(identity=1.0)),
    ],
)
def test_numbers_that_are_none_end_nothing(wrong, right):
    told = packet_of(MARK, None).replace(*(text.encode() for text in wrong))
    assert told != packet_of(MARK, None)
    assert read_marks(marked(picture(), MARK, told)) == (right, MARK)
