"""What is on the page, from top to bottom."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.data_classes import ImageData

from mien.web.show import Shown
from mien.web.studio import Studio

EXAMPLE = Path(__file__).parent / "example.jpg"
INTRODUCTION = """# mien
Recovers faces from blurred, grainy, tiny or covered pictures.
What it adds is imagined: it is no evidence of who somebody is."""
FOOT = """<p class="mien-foot">Photos stay on the machine that this page comes from, and go when you do.
<a href="/api/docs">API</a></p>"""
EXAMPLE_WORDS = "Example (NASA, public domain; damaged by mien)"
NOBODY = "none"
"""The second model of those who compare nothing."""
FOUND, PAINTED = "is found", "is what I paint"
STATE_SECONDS = 3600


def unopened(payload: ImageData | None) -> str | None:
    """Where a picture's file was put: what is wrong with it is said by mien in its own words."""
    return None if payload is None else payload.path


@dataclass(frozen=True)
class Inputs:
    """What a visitor sets."""

    photo: gr.Image
    model: gr.Dropdown
    for_guidable: gr.Group
    references: gr.File
    any_person: gr.Checkbox
    for_turnable: gr.Group
    cover: gr.Radio
    editor: gr.ImageEditor
    fidelity: gr.Slider
    min_identity: gr.Slider
    other: gr.Dropdown
    scale: gr.Radio
    only_largest: gr.Checkbox
    match_colors: gr.Checkbox
    only_face: gr.Checkbox
    recover: gr.Button
    cancel: gr.Button


@dataclass(frozen=True)
class Outputs:
    """What a visitor sees."""

    status: gr.HTML
    results: gr.Column
    evidence: gr.Checkbox
    legend: gr.HTML
    photos: tuple[gr.ImageSlider, gr.ImageSlider]
    face: gr.Radio
    faces: tuple[gr.ImageSlider, gr.ImageSlider]
    sentences: tuple[gr.Markdown, gr.Markdown]
    yaw: gr.Slider
    turn: gr.Button
    turntable: gr.Button
    turned: gr.Image
    turned_by: gr.Markdown
    of_faces: tuple[gr.Tab, gr.Tab]
    downloads: tuple[gr.DownloadButton, gr.DownloadButton, gr.DownloadButton]


@dataclass(frozen=True)
class Layout:
    """The page."""

    blocks: gr.Blocks
    inputs: Inputs
    outputs: Outputs
    shown: gr.State
    """A `Shown`, or None."""
    canvas: gr.State
    """A `Canvas`, or None."""


def build(studio: Studio, forget: Callable[[Shown | None], None]) -> Layout:
    """All components; nothing happens yet when they are used."""
    with gr.Blocks(title="mien", analytics_enabled=False, delete_cache=(600, STATE_SECONDS)) as blocks:
        gr.Markdown(INTRODUCTION, elem_classes="mien-head")
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=320):
                inputs = build_inputs(studio)
            with gr.Column(scale=6, min_width=320):
                outputs = build_outputs()
        gr.HTML(FOOT, padding=False)
        shown = gr.State(None, time_to_live=STATE_SECONDS, delete_callback=forget)
        canvas = gr.State(None, time_to_live=STATE_SECONDS)
    return Layout(blocks, inputs, outputs, shown, canvas)


def build_inputs(studio: Studio) -> Inputs:
    """The left column."""
    names = [*studio.models]
    photo = gr.Image(
        label="Photo",
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard", "webcam"],
        height=320,
        buttons=["fullscreen"],
        elem_id="photo",
        placeholder="Drop a photo here\n- or -\nClick to choose one",
    )
    photo.preprocess = unopened
    if EXAMPLE.is_file():
        gr.Examples([[str(EXAMPLE)]], [photo], label=EXAMPLE_WORDS, elem_id="example")
    model = gr.Dropdown(names, value=names[0], label="Model", elem_id="model", filterable=False)
    references, any_person, for_guidable = build_references(studio.is_guidable(names[0]))
    cover, editor, for_turnable = build_cover(studio.is_turnable(names[0]))
    fidelity = gr.Slider(
        0, 1, value=0, step=0.05, label="Fidelity", info="How much of the photo stays in its faces",
        elem_id="fidelity",
    )  # fmt: skip
    with gr.Accordion("More", open=False):
        min_identity = gr.Slider(
            0, 1, value=0, step=0.05, label="Minimum identity", elem_id="min-identity",
            info="Faces that would become less alike stay as they are; 0 takes all",
        )  # fmt: skip
        other = gr.Dropdown(
            [NOBODY, *names], value=NOBODY, label="Compare with", elem_id="other", filterable=False
        )
        scale = gr.Radio([1, 2, 4], value=1, label="Enlarge", elem_id="scale")
        only_largest = gr.Checkbox(label="Only the largest face")
        match_colors = gr.Checkbox(label="Give faces the colours of the photo")
        only_face = gr.Checkbox(label="Leave hair, hats and hands as they are")
    with gr.Row():
        recover = gr.Button("Recover", variant="primary", elem_id="recover", scale=3, min_width=120)
        cancel = gr.Button("Cancel", interactive=False, elem_id="cancel", scale=1, min_width=90)
    return Inputs(
        photo, model, for_guidable, references, any_person, for_turnable, cover, editor, fidelity,
        min_identity, other, scale, only_largest, match_colors, only_face, recover, cancel,
    )  # fmt: skip


def build_references(visible: bool) -> tuple[gr.File, gr.Checkbox, gr.Group]:
    """What models that look at other photos are given."""
    with gr.Group(visible=visible, elem_id="for-guidable") as group:
        references = gr.File(
            label="Good photos of the same person", file_count="multiple", file_types=["image"], height=140,
            elem_id="references",
        )  # fmt: skip
        any_person = gr.Checkbox(label="Take photos of other people, too, which changes faces")
    return references, any_person, group


def build_cover(visible: bool) -> tuple[gr.Radio, gr.ImageEditor, gr.Group]:
    """What models that uncover faces are told."""
    with gr.Group(visible=visible, elem_id="for-turnable") as group:
        cover = gr.Radio([FOUND, PAINTED], value=FOUND, label="What covers the face", elem_id="cover")
        editor = gr.ImageEditor(
            visible=False, type="numpy", sources=[], transforms=[], layers=False, buttons=["fullscreen"],
            brush=gr.Brush(default_size=24, colors=["#e52525"], default_color="#e52525", color_mode="fixed"),
            label="Paint over what should go", elem_id="editor", height=400,
        )  # fmt: skip
    return cover, editor, group


def build_outputs() -> Outputs:
    """The right column; results come into sight when there are some."""
    status = gr.HTML(
        '<div class="mien-status"><p role="status">Choose a photo, then press Recover.</p></div>',
        elem_id="status",
        padding=False,
    )
    with gr.Column(visible=False, elem_id="results") as results:
        with gr.Group(elem_classes="mien-evidence"):
            evidence = gr.Checkbox(label="Show what was seen and what is imagined", elem_id="evidence")
            legend = gr.HTML(visible=False, elem_classes="mien-told-block")
        with gr.Tabs():
            with gr.Tab("Photo"), gr.Row():
                photos = (build_slider("photo-slider"), build_slider("other-photo-slider"))
            with gr.Tab("Faces") as faces_tab:
                face = gr.Radio([], label="Face", type="index", elem_id="face")
                with gr.Row():
                    with gr.Column(min_width=280):
                        first = build_slider("face-slider"), gr.Markdown(elem_classes="mien-sentence")
                    with gr.Column(min_width=280):
                        second = build_slider("other-face-slider"), gr.Markdown(elem_classes="mien-sentence")
            with gr.Tab("Turn") as turn_tab:
                yaw = gr.Slider(
                    -60, 60, value=0, step=5, label="Yaw", elem_id="yaw",
                    info="Degrees; the nose points to the picture's left where it is positive",
                )  # fmt: skip
                with gr.Row():
                    turn = gr.Button("Turn", elem_id="turn", min_width=120)
                    turntable = gr.Button("Turntable", elem_id="turntable", min_width=120)
                turned = gr.Image(
                    type="filepath", interactive=False, buttons=["download", "fullscreen"], height=420,
                    label="Turned", elem_id="turned", image_mode=None,
                )  # fmt: skip
                turned_by = gr.Markdown()
        with gr.Row():
            downloads = (
                gr.DownloadButton("Save photo", elem_id="download-photo", min_width=90, size="md"),
                gr.DownloadButton("Save faces", elem_id="download-faces", min_width=90, size="md"),
                gr.DownloadButton("Save report", elem_id="download-report", min_width=90, size="md"),
            )
    return Outputs(
        status, results, evidence, legend, photos, face, (first[0], second[0]), (first[1], second[1]), yaw,
        turn, turntable, turned, turned_by, (faces_tab, turn_tab), downloads,
    )  # fmt: skip


def build_slider(name: str) -> gr.ImageSlider:
    """Before on the left, after on the right."""
    return gr.ImageSlider(
        type="filepath", interactive=False, max_height=640, buttons=["fullscreen"], elem_id=name,
        label="Before and after",
    )  # fmt: skip
