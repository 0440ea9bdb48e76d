"""What whoever runs the server decides."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServeSettings:
    """Limits, and who may come in."""

    max_bytes: int = 32 * 2**20
    """Of a request: all its pictures together."""
    max_pixels: int = 25_000_000
    """Of each picture that comes in or goes out."""
    seconds: float = 120.0
    """That a request may take, waiting included."""
    places: int = 16
    """Requests that may wait while one is worked on."""
    token: str | None = None
    """What clients must show, if they must."""

    def __post_init__(self) -> None:
        for name, value in (("max_bytes", self.max_bytes), ("max_pixels", self.max_pixels)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.seconds <= 0 or self.places < 0:
            raise ValueError(f"nothing can be done in {self.seconds} s with {self.places} places")
        if self.token == "":
            raise ValueError("an empty token keeps nobody out")
