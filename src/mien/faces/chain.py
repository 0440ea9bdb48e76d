"""Several models, one after the other, as one: a face is restored, then uncovered, then turned."""

from dataclasses import dataclass, replace

from mien.types import Crop, Mask, Recoverer, Recovery, Turnable


@dataclass(frozen=True)
class Chain:
    """A Recoverer whose models each get what the one before made; only the last may turn heads."""

    models: tuple[Recoverer, ...]

    def __post_init__(self) -> None:
        kinds = {(model.template, model.crop_size) for model in self.models}
        if len(kinds) != 1:
            raise ValueError(f"models of a chain take the same crops, these take {sorted(kinds)}")

    @property
    def crop_size(self) -> int:
        return self.models[0].crop_size

    @property
    def template(self) -> str:
        return self.models[0].template

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        first, *others = self.models
        recoveries = first(crops)
        for model in others:
            if not all(recovery.keeps_pose for recovery in recoveries):
                raise ValueError("only the last model of a chain may turn heads")
            made = [
                replace(crop, pixels=recovery.pixels)
                for crop, recovery in zip(crops, recoveries, strict=True)
            ]
            recoveries = [joined(*pair) for pair in zip(recoveries, model(made), strict=True)]
        return recoveries

    def with_fidelity(self, fidelity: float) -> "Chain":
        """The share of the input is the first model's to keep: what covers a face is not wanted back."""
        first, *others = self.models
        return Chain((first.with_fidelity(fidelity), *others))

    def with_batch_size(self, batch_size: int) -> "Chain":
        """All of them with so many faces at a time."""
        return Chain(tuple(model.with_batch_size(batch_size) for model in self.models))

    def to(self, yaw: float | None, pitch: float | None = None) -> "Chain":
        """The last one turns."""
        return self._with_last(self._last.to(yaw, pitch))

    def keeping(self, *things: str) -> "Chain":
        """The last one leaves these things on."""
        return self._with_last(self._last.keeping(*things))

    def with_mask(self, mask: Mask) -> "Chain":
        """The last one takes off what this mask of the photo says."""
        return self._with_last(self._last.with_mask(mask))

    def pasting(self) -> "Chain":
        """The last one puts turned faces back, too."""
        return self._with_last(self._last.pasting())

    @property
    def _last(self) -> Turnable:
        last = self.models[-1]
        if not isinstance(last, Turnable):
            raise ValueError("the last model of this chain does not turn heads")
        return last

    def _with_last(self, model: Recoverer) -> "Chain":
        return Chain((*self.models[:-1], model))


def joined(before: Recovery, after: Recovery) -> Recovery:
    """What was seen is what both show; a turned face keeps the later evidence, since pixels have moved."""
    evidence = before.evidence * after.evidence if after.keeps_pose else after.evidence
    notes = (*before.notes, *after.notes)
    return replace(after, evidence=evidence, guidance=after.guidance or before.guidance, notes=notes)
