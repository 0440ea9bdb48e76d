"""What a training is given: folders and files of the user's own."""

from dataclasses import dataclass
from pathlib import Path


class MissingSourceError(ValueError):
    """A recipe was not given what it needs."""


@dataclass(frozen=True)
class Sources:
    """Each recipe takes what it needs of these and says what is missing."""

    photos: tuple[Path, ...] = ()
    """Folders of pictures."""
    labels: tuple[Path, ...] = ()
    """Files that say where the faces are, from `tools/label_faces.py`."""
    maps: tuple[Path, ...] = ()
    """Folders of maps of classes: gray pictures with their photos' names, whose values are classes."""
    backgrounds: tuple[Path, ...] = ()
    """Folders of pictures without faces."""
    masks: Path | None = None
    """Folder of face masks cut out (PNG with transparency); those for turned faces end in _left or _right."""
    glasses: Path | None = None
    """The same of glasses."""
    embedder: Path | None = None
    """A face recogniser of `torch.export`, from `tools/export_embedder.py`."""
    vgg11: Path | None = None
    """A VGG-11 that MDFR's critics start from (safetensors, or .pth as torchvision has it)."""
    teacher: Path | None = None
    """Weights of the network that is learned from, instead of those in the package."""

    parser: Path | None = None
    """Weights of a face parser (safetensors), which helps to say what is in front of a face."""
    pretrained: Path | None = None
    """What to start from: a file of weights for those of `restore` that go on from some; for `prior` the run
    folder of `prior-pretraining`, or one with generator.safetensors and critic.safetensors."""
    features: Path | None = None
    """A network of `torch.export` whose feature maps are compared, such as VGG-Face up to conv4_3."""

    def need_file(self, name: str, reason: str) -> Path:
        """One of the single files above, which must be given."""
        path: Path | None = getattr(self, name)
        if path is None:
            raise MissingSourceError(f"this recipe needs --{name}: {reason}")
        return path

    def need(self, name: str, reason: str) -> tuple[Path, ...]:
        """One of the lists above, which must not be empty."""
        paths: tuple[Path, ...] = getattr(self, name)
        if not paths:
            raise MissingSourceError(f"this recipe needs --{name}: {reason}")
        return paths
