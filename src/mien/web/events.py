"""The page at work: what each part of it sets off, and what changes then."""

import time
from collections.abc import AsyncIterator

import gradio as gr
import numpy as np
import torch
from gradio.blocks import BlockContext
from gradio.components import Component
from gradio.events import Dependency

from mien.web.errors import MISTAKE, RefusedError
from mien.web.handlers import (
    TURNTABLE,
    Asked,
    Canvas,
    Handlers,
    complain,
    legend,
    say,
    summary,
)
from mien.web.layout import FOUND, NOBODY, PAINTED, Layout
from mien.web.show import Pictures, Shown

Changes = dict[Component | BlockContext, object]
"""Components, and what becomes of them."""
BY_SHAPE = (
    "Drawn from the face's shape in space: pixels move along with its surface, and what the photo does not "
    "show is taken from the other half."
)


class Events:
    """A layout and its handlers; all that is known of a visitor lies in the layout's states."""

    def __init__(self, layout: Layout, handlers: Handlers) -> None:
        self.layout, self.handlers = layout, handlers
        self.inputs, self.outputs = layout.inputs, layout.outputs

    def connect(self) -> None:
        """Every event."""
        inputs, outputs, layout = self.inputs, self.outputs, self.layout
        with layout.blocks:
            recovering = gr.on(
                [inputs.recover.click],
                self.recover,
                [
                    inputs.photo, inputs.model, inputs.other, inputs.fidelity, inputs.min_identity,
                    inputs.scale, inputs.only_largest, inputs.match_colors,
                    inputs.only_face, inputs.references,
                    inputs.any_person, inputs.cover, inputs.editor, layout.canvas, layout.shown,
                    outputs.evidence,
                ],
                [
                    outputs.status, inputs.recover, inputs.cancel, layout.shown, outputs.results,
                    *outputs.of_faces, outputs.face, outputs.legend, *self.pictures, *outputs.downloads,
                    outputs.turned, outputs.turned_by,
                ],
                show_progress="hidden",
                api_visibility="private",
            )  # fmt: skip
            self.revive_after(recovering)
            for button, handler in ((outputs.turn, self.turn), (outputs.turntable, self.play)):
                turning = gr.on(
                    [button.click],
                    handler,
                    [layout.shown, outputs.face, outputs.yaw],
                    [outputs.status, inputs.recover, inputs.cancel, outputs.turned, outputs.turned_by],
                    show_progress="hidden",
                    api_visibility="private",
                )
                self.revive_after(turning)
            self.connect_small()

    def connect_small(self) -> None:
        """What is answered at once."""
        inputs, outputs, layout = self.inputs, self.outputs, self.layout
        gr.on(
            [inputs.cancel.click], self.cancel, queue=False, show_progress="hidden", api_visibility="private"
        )
        layout.blocks.unload(self.cancel)
        gr.on(
            [outputs.evidence.input, outputs.face.input],
            self.look,
            [layout.shown, outputs.face, outputs.evidence],
            [outputs.legend, *self.pictures],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        gr.on(
            [inputs.model.change, inputs.other.change],
            self.choose,
            [inputs.model, inputs.other],
            [inputs.for_guidable, inputs.for_turnable],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        gr.on(
            [inputs.cover.change],
            self.paint,
            [inputs.cover, inputs.photo],
            [inputs.editor, layout.canvas, outputs.status],
            show_progress="hidden",
            api_visibility="private",
        )
        # what was painted belongs to the photo before
        gr.on(
            [inputs.photo.change],
            lambda: FOUND,
            None,
            inputs.cover,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def revive_after(self, event: Dependency) -> None:
        """Also after a mistake of ours, of which gradio puts the trace into the log, the page goes on."""
        event.failure(
            self.fail,
            None,
            [self.outputs.status, self.inputs.recover, self.inputs.cancel],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    @property
    def pictures(self) -> list[Component]:
        """Sliders and sentences, which follow from what is shown."""
        return [*self.outputs.photos, *self.outputs.faces, *self.outputs.sentences]

    # --- what takes a while

    async def recover(
        self,
        photo: str | None,
        model: str,
        other: str,
        fidelity: float | int,
        min_identity: float | int,
        scale: int,
        only_largest: bool,
        match_colors: bool,
        only_face: bool,
        references: list[str] | None,
        any_person: bool,
        cover: str,
        painted: dict[str, object] | None,
        canvas: Canvas | None,
        before: Shown | None,
        evidence: bool,
        request: gr.Request,
    ) -> AsyncIterator[Changes]:
        """Progress, then the result."""
        asked = Asked(
            photo=photo,
            model=model,
            other="" if other == NOBODY else other,
            fidelity=float(fidelity),
            min_identity=float(min_identity) if min_identity > 0 else None,
            scale=scale,
            only_largest=only_largest,
            match_colors=match_colors,
            only_face=only_face,
            references=tuple(references or ()),
            any_person=any_person,
            layers=layers_of(painted) if cover == PAINTED else (),
            canvas=canvas,
        )
        start = time.monotonic()
        yield self.busy(True) | {self.outputs.status: say("Beginning …")}
        try:
            async for part in self.handlers.follow(session_of(request), self.handlers.recover(asked, before)):
                if isinstance(part, str):
                    yield {self.outputs.status: part}
                    continue
                told = summary(part[0], time.monotonic() - start)
                yield self.arrive(part[0], evidence) | {self.outputs.status: told}
        except RefusedError as refusal:
            yield {self.outputs.status: complain(refusal.sentence)}
        yield self.busy(False)

    async def turn(
        self, shown: Shown | None, face: int | None, yaw: float | int, request: gr.Request
    ) -> AsyncIterator[Changes]:
        """One view of a face."""
        async for changes in self.views(shown, face or 0, [float(yaw)], request):
            yield changes

    async def play(
        self, shown: Shown | None, face: int | None, yaw: float | int, request: gr.Request
    ) -> AsyncIterator[Changes]:
        """All views of a face, as a moving picture."""
        async for changes in self.views(shown, face or 0, TURNTABLE, request):
            yield changes

    async def views(
        self, shown: Shown | None, face: int, yaws: list[float], request: gr.Request
    ) -> AsyncIterator[Changes]:
        """Progress, then the views."""
        if shown is None or shown.num_faces == 0:
            yield {self.outputs.status: complain("There is no face to turn yet.")}
            return
        yield self.busy(True)
        try:
            work = self.handlers.turn(shown, face, yaws)
            async for part in self.handlers.follow(session_of(request), work):
                if isinstance(part, str):
                    yield {self.outputs.status: part}
                    continue
                turner = shown.results[0].model
                turned_by = f"Turned by {turner}." if self.handlers.studio.is_turnable(turner) else BY_SHAPE
                done = say("Turned." if len(yaws) == 1 else "The turntable goes from side to side.")
                yield {
                    self.outputs.turned: part[0],
                    self.outputs.turned_by: turned_by,
                    self.outputs.status: done,
                }
        except RefusedError as refusal:
            yield {self.outputs.status: complain(refusal.sentence)}
        yield self.busy(False)

    # --- what is answered at once

    def cancel(self, request: gr.Request) -> None:
        """Give up what this visitor waits for."""
        self.handlers.stop(session_of(request))

    def look(self, shown: Shown | None, face: int | None, evidence: bool) -> Changes:
        """The same result, another face of it, or with what was seen in colours."""
        return self.draw(shown, face or 0, evidence)

    def choose(self, model: str, other: str) -> Changes:
        """Only what one of the models can use is asked for."""
        models = [name for name in (model, other) if name != NOBODY]
        studio = self.handlers.studio
        return {
            self.inputs.for_guidable: gr.update(visible=any(map(studio.is_guidable, models))),
            self.inputs.for_turnable: gr.update(visible=any(map(studio.is_turnable, models))),
        }

    def paint(self, cover: str, photo: str | None) -> Changes:
        """The photo to paint on, if that is wanted."""
        nothing: Changes = {self.inputs.editor: gr.update(visible=False), self.layout.canvas: None}
        if cover != PAINTED:
            return nothing
        try:
            canvas = self.handlers.prepare_canvas(photo)
        except RefusedError as refusal:
            return nothing | {self.outputs.status: complain(refusal.sentence)}
        value = {"background": canvas.picture, "layers": [], "composite": None}
        return {self.inputs.editor: gr.update(visible=True, value=value), self.layout.canvas: canvas}

    # --- what changes

    def fail(self) -> Changes:
        """Nothing is being done any more, and nobody foresaw why."""
        return self.busy(False) | {self.outputs.status: complain(MISTAKE)}

    def busy(self, is_busy: bool) -> Changes:
        """One thing at a time."""
        return {
            self.inputs.recover: gr.update(interactive=not is_busy),
            self.inputs.cancel: gr.update(interactive=is_busy),
        }

    def arrive(self, shown: Shown, evidence: bool) -> Changes:
        """A new result."""
        outputs, num_faces = self.outputs, shown.num_faces
        names = [f"{number + 1}" for number in range(num_faces)]
        face = gr.update(choices=names, value=names[0] if names else None, visible=num_faces > 1)
        changes: Changes = {
            self.layout.shown: shown,
            outputs.results: gr.update(visible=True),
            outputs.face: face,
            outputs.turned: None,
            outputs.turned_by: "",
        }
        changes |= {tab: gr.update(visible=num_faces > 0) for tab in outputs.of_faces}
        changes |= {
            button: gr.update(value=path, interactive=path is not None)
            for button, path in zip(outputs.downloads, shown.downloads, strict=True)
        }
        return changes | self.draw(shown, 0, evidence)

    def draw(self, shown: Shown | None, face: int, evidence: bool) -> Changes:
        """Sliders and sentences of all results there are."""
        changes: Changes = {self.outputs.legend: gr.update(visible=evidence, value=legend(shown))}
        outputs = zip(self.outputs.photos, self.outputs.faces, self.outputs.sentences, strict=True)
        for number, (photo_slider, face_slider, sentence) in enumerate(outputs):
            result = None if shown is None or number >= len(shown.results) else shown.results[number]
            faces = () if result is None else result.faces[face : face + 1]
            label = f"Before and after {result.model}" if result is not None else ""
            changes[photo_slider] = slider(None if result is None else result.photo, evidence, label)
            changes[face_slider] = slider(faces[0].pictures if faces else None, evidence, label)
            changes[sentence] = gr.update(
                value=f"{sentence_case(faces[0].sentence)}." if faces else "", visible=bool(faces)
            )
        return changes


def slider(pictures: Pictures | None, evidence: bool, label: str) -> object:
    """A slider's update; without pictures it goes away."""
    if pictures is None:
        return gr.update(visible=False, value=None)
    pair = (pictures.before, pictures.evidence if evidence else pictures.after)
    return gr.update(visible=True, value=pair, label=label)


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def session_of(request: gr.Request) -> str:
    """Which visitor it is."""
    return str(request.session_hash)


def layers_of(painted: dict[str, object] | None) -> tuple[torch.Tensor, ...]:
    """What was painted, without the photo below it."""
    layers = (painted or {}).get("layers")
    return tuple(
        torch.from_numpy(layer.copy())
        for layer in (layers if isinstance(layers, list) else [])
        if isinstance(layer, np.ndarray)
    )
