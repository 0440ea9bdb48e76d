"""Every recipe by its name."""

from collections.abc import Callable

from mien.recipes.detector import DetectorRecipe, detector
from mien.recipes.expression import ExpressionRecipe, expression, expression_paper
from mien.recipes.frontal import (
    FrontalRecipe,
    frontal,
    frontal_concatenated,
    frontal_paper,
    frontal_without_person_critic,
    frontal_without_pose,
    frontal_without_pose_critic,
)
from mien.recipes.generator import (
    GeneratorRecipe,
    prior_pretraining,
    prior_pretraining_256,
    prior_pretraining_paper,
    prior_pretraining_without_penalty,
)
from mien.recipes.guided import (
    GuidedRecipe,
    guided,
    guided_paper,
    guided_random,
    guided_sharp,
    guided_without_flow,
    guided_without_guide,
    guided_without_guide_wide,
    guided_without_warp,
    guided_without_warp_wide,
)
from mien.recipes.identity import IdentityRecipe, identity, identity_paper
from mien.recipes.integrated import (
    IntegratedRecipe,
    integrated,
    integrated_paper,
    integrated_without_alignment,
)
from mien.recipes.look import LookRecipe, look
from mien.recipes.parser import ParserRecipe, parser
from mien.recipes.prior import (
    PriorRecipe,
    prior,
    prior_256,
    prior_paper,
    prior_without_face_loss,
    prior_without_freezed,
    prior_without_local_critics,
    prior_without_mmrb,
    prior_without_tuning,
)
from mien.recipes.quality import QualityRecipe, quality
from mien.recipes.reader import ReaderRecipe, reader, reader_covered
from mien.recipes.restore import (
    RestoreRecipe,
    restore,
    restore_identity,
    restore_mmrb,
    restore_paper,
    restore_sharp,
    restore_wide,
)
from mien.recipes.rotate import (
    RotateRecipe,
    rotate,
    rotate_and_render,
    rotate_by_parser,
    rotate_in_place,
    rotate_paper,
    rotate_without_identity,
    rotate_without_parsing,
    rotate_without_swap,
)

Recipe = (
    RestoreRecipe
    | DetectorRecipe
    | ExpressionRecipe
    | FrontalRecipe
    | GeneratorRecipe
    | GuidedRecipe
    | IdentityRecipe
    | IntegratedRecipe
    | LookRecipe
    | ParserRecipe
    | PriorRecipe
    | QualityRecipe
    | ReaderRecipe
    | RotateRecipe
)

RECIPES: dict[str, Callable[[], Recipe]] = {
    "detector": detector,
    "expression": expression,
    "expression-paper": expression_paper,
    "frontal": frontal,
    "frontal-concatenated": frontal_concatenated,
    "frontal-paper": frontal_paper,
    "frontal-without-person-critic": frontal_without_person_critic,
    "frontal-without-pose": frontal_without_pose,
    "frontal-without-pose-critic": frontal_without_pose_critic,
    "guided": guided,
    "guided-paper": guided_paper,
    "guided-random": guided_random,
    "guided-sharp": guided_sharp,
    "guided-without-flow": guided_without_flow,
    "guided-without-guide": guided_without_guide,
    "guided-without-guide-wide": guided_without_guide_wide,
    "guided-without-warp": guided_without_warp,
    "guided-without-warp-wide": guided_without_warp_wide,
    "identity": identity,
    "identity-paper": identity_paper,
    "integrated": integrated,
    "integrated-paper": integrated_paper,
    "integrated-without-alignment": integrated_without_alignment,
    "look": look,
    "parser": parser,
    "prior": prior,
    "prior-256": prior_256,
    "prior-paper": prior_paper,
    "prior-pretraining": prior_pretraining,
    "prior-pretraining-256": prior_pretraining_256,
    "prior-pretraining-paper": prior_pretraining_paper,
    "prior-pretraining-without-penalty": prior_pretraining_without_penalty,
    "prior-without-face-loss": prior_without_face_loss,
    "prior-without-freezed": prior_without_freezed,
    "prior-without-local-critics": prior_without_local_critics,
    "prior-without-mmrb": prior_without_mmrb,
    "prior-without-tuning": prior_without_tuning,
    "quality": quality,
    "reader": reader,
    "reader-covered": reader_covered,
    "restore": restore,
    "restore-identity": restore_identity,
    "restore-mmrb": restore_mmrb,
    "restore-sharp": restore_sharp,
    "restore-wide": restore_wide,
    "restore-paper": restore_paper,
    "rotate": rotate,
    "rotate-and-render": rotate_and_render,
    "rotate-by-parser": rotate_by_parser,
    "rotate-in-place": rotate_in_place,
    "rotate-paper": rotate_paper,
    "rotate-without-identity": rotate_without_identity,
    "rotate-without-parsing": rotate_without_parsing,
    "rotate-without-swap": rotate_without_swap,
}
