"""The log as a picture."""

import io
from pathlib import Path

from mien.train.files import replaced
from mien.train.log import read_log


def plot_log(log: Path, picture: Path) -> None:
    """One small diagram per term and validation figure, over the steps."""
    from matplotlib.figure import Figure  # slow to import, and only a training needs it

    series: dict[str, list[tuple[int, float]]] = {}
    for line in read_log(log):
        figures = {f"validation/{name}": value for name, value in line.get("validation", {}).items()}
        for name, value in {**line.get("terms", {}), **figures}.items():
            series.setdefault(name, []).append((line["step"], value))
    if not series:
        return
    num_columns = min(3, len(series))
    num_rows = -(-len(series) // num_columns)
    figure = Figure(figsize=(4.5 * num_columns, 3 * num_rows))
    # margins as they are needed, in inches; to have them computed takes longer than all else
    figure.subplots_adjust(
        left=0.6 / figure.get_figwidth(),
        right=1 - 0.15 / figure.get_figwidth(),
        bottom=0.35 / figure.get_figheight(),
        top=1 - 0.35 / figure.get_figheight(),
        wspace=0.2,
        hspace=0.3,
    )
    for index, (name, points) in enumerate(series.items()):
        axes = figure.add_subplot(num_rows, num_columns, index + 1)
        axes.plot([step for step, _ in points], [value for _, value in points], linewidth=1)
        axes.set_title(name, fontsize=9)
        axes.locator_params(nbins=5)
        axes.grid(alpha=0.3)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=80)
    with replaced(picture) as file:
        file.write(drawn.getvalue())
