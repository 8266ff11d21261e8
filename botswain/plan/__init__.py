"""The plan: desired x recorded x live -> what an apply would do, per scope and command.

Three sides, because two cannot tell an intended change from an edit made by other hands: what the sources want, what
was recorded at the last deployment, and what is live now. Pure: nothing here reads or writes.
"""

from botswain.plan.compare import FieldChange
from botswain.plan.model import Action, CommandPlan, Plan, ScopePlan, called, label
from botswain.plan.scope import plan_scope, unavailable
from botswain.plan.service import ServicePlan

__all__ = [
    "Action",
    "CommandPlan",
    "FieldChange",
    "Plan",
    "ScopePlan",
    "ServicePlan",
    "called",
    "label",
    "plan_scope",
    "unavailable",
]
