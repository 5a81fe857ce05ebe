"""The plan: which runs, measures and exhibits a study has, and their files. Never imports torch."""

from bits.plan.data import data_root, dataset_fingerprint, manifest_path
from bits.plan.files import current_plan, freeze, write_plan
from bits.plan.make import make_plan
from bits.plan.model import PRETRAINING_ROLE, RESULTS, WEIGHTS, Plan, Run, read_plan
from bits.plan.request import Request
from bits.plan.runs import fingerprinted, frozen_run, resume_folder, run_id

__all__ = [
    "PRETRAINING_ROLE",
    "RESULTS",
    "WEIGHTS",
    "Plan",
    "Request",
    "Run",
    "current_plan",
    "data_root",
    "dataset_fingerprint",
    "fingerprinted",
    "freeze",
    "frozen_run",
    "make_plan",
    "manifest_path",
    "read_plan",
    "resume_folder",
    "run_id",
    "write_plan",
]
