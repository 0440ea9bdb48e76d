"""`mien evaluate all`: every protocol that the pictures allow, as one page."""

import sys
from pathlib import Path

from mien.cli.arguments import EXIT_DONE, EXIT_FAILED, MODELS, UsageError
from mien.cli.evaluate import EvaluateArguments
from mien.cli.inputs import one_line
from mien.cli.judging import checksums_of, load_judges, load_models, networks_of
from mien.cli.progress import Show
from mien.cli.tools import load_box_reader, load_finder
from mien.evaluate.catalog import PROTOCOLS
from mien.evaluate.report import Contestants, Reporter, count_steps, make_report, plan_all
from mien.evaluate.sets import find_sets
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import Bench
from mien.evaluate.write import write_report
from mien.image.io import ImageError
from mien.types import Guidable

SEERS = ("detector", "identity", "look", "morphable", "reader")
"""Parts of the package that look at pictures."""


def run_all(asked: EvaluateArguments) -> int:
    """Plan, judge what is not judged yet, and write the page."""
    folder = Path(asked.out)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{one_line(asked.out)} is a file, and a report needs a folder")
    try:
        sets, unused = find_sets(Path(asked.photos[0]))
        names = asked.models or list(MODELS)
        models = load_models(names, asked.device)
        judges = load_judges(asked.device, asked.lpips, asked.niqe, asked.quality_weights)
        read_box = load_box_reader(asked.device).read_box
        has_guided = any(isinstance(model, Guidable) for model in models.values())
        find = load_finder(asked.device)
        bench = Bench(sets, judges, find, asked.most, read_box, has_guided, asked.pose_labels)
        parts = plan_all(bench, tuple(asked.only or PROTOCOLS))
        if not parts:
            raise EvaluationError("none of the folders fits a protocol that was asked for")
        contestants = Contestants(models, networks_of(models), checksums_of(names, judges, SEERS))
        with Show(count_steps(parts, len(models))) as show:
            reporter = Reporter(show.advance, show.begin, show.say)
            report = make_report(bench, contestants, parts, folder, asked.seed, unused, reporter)
        page = write_report(folder, report)
    except (EvaluationError, ImageError) as error:
        print(f"mien evaluate: error: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(one_line(str(page)))
    return EXIT_FAILED if report.problems else EXIT_DONE
