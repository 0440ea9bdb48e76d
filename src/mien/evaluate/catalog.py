"""Every protocol by its name, in the order of a report.

A new one is a module with a function that plans its parts, and a line here and in the command's list; its
findings are drawn like all others.
"""

from dataclasses import dataclass

from mien.evaluate.blind import plan_blind
from mien.evaluate.domains import plan_domains
from mien.evaluate.guided import plan_guided
from mien.evaluate.landmarks import plan_pose
from mien.evaluate.occlusion import plan_occlusion
from mien.evaluate.recognition import plan_recognition
from mien.evaluate.rotation import plan_rotation
from mien.evaluate.single import plan_single
from mien.evaluate.speed import plan_speed
from mien.evaluate.strength import plan_strength
from mien.evaluate.superres import plan_superres
from mien.evaluate.trial import Plan
from mien.evaluate.turned import plan_turned
from mien.evaluate.wild import plan_wild


@dataclass(frozen=True)
class Protocol:
    """A way to judge."""

    summary: str
    plan: Plan
    role: str
    """Of the folders it takes, a key of `sets.ROLES`."""


PROTOCOLS: dict[str, Protocol] = {
    "blind": Protocol(
        "Damaged in every way, recovered, and compared with what they were.", plan_blind, "aligned"
    ),
    "superres": Protocol("Bicubic shrinking and nothing else, the easiest damage.", plan_superres, "aligned"),
    "strength": Protocol("How quality and identity fall off as damage grows.", plan_strength, "aligned"),
    "single": Protocol("Which damage does a model mend, and which not?", plan_single, "aligned"),
    "wild": Protocol("Photos whose truth nobody has, before and after.", plan_wild, "wild"),
    "recognition": Protocol("Does an embedder still know who it is?", plan_recognition, "people"),
    "pose": Protocol("Landmarks and angles, as they are, behind hands, and damaged.", plan_pose, "pose"),
    "turned": Protocol("Who is it, seen from the side?", plan_turned, "people"),
    "domains": Protocol(
        "How far from true faces is what models make, to a recogniser?", plan_domains, "people"
    ),
    "occlusion": Protocol("Hands, masks, glasses and blocks taken off.", plan_occlusion, "aligned"),
    "rotation": Protocol("Turned to a yaw: is it there, and who is it?", plan_rotation, "aligned"),
    "guided": Protocol("With a photo of the same person, a stranger's, and none.", plan_guided, "references"),
    "speed": Protocol("How long a photo takes, stage by stage.", plan_speed, "people"),
}
