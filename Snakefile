"""Every table and figure of the paper:  snakemake --cores all  [--config scale=demo|smoke|small|paper data=PATH]"""

import atexit
import os
import sys

sys.path.insert(0, workflow.basedir)
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [workflow.basedir, os.environ.get("PYTHONPATH")])
)
from bits.workflow import (
    absent_message,
    code_state_of,
    gpus_per_process,
    keep_predictions,
    left_out_message,
    load_plan,
    missing_data_message,
)  # noqa: E402

plan = load_plan(config)
scale = plan["scale"]["name"]
results, reports = f"{plan['site']['results']}/{scale}", f"reports/{scale}"
GPUS = gpus_per_process(plan)
python = f"{sys.executable} -m"

if plan["missing"] and not workflow.remote_exec:
    atexit.register(print, missing_data_message(plan), file=sys.stderr)
if plan["left_out"] and not workflow.remote_exec:
    atexit.register(print, left_out_message(plan), file=sys.stderr)


# Everything by name, not the last page alone: what somebody deleted is made again.
rule all:
    default_target: True
    input:
        "reports/index.html",
        f"{reports}/index.html",
        [
            f"{reports}/exhibits/{name}.{suffix}"
            for name in plan["needs"]
            for suffix in plan["formats"][name]
        ],
        sorted({path for paths in plan["needs"].values() for path in paths}),


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


onstart:
    if plan["missing"]:
        raise WorkflowError(missing_data_message(plan))
    keep_predictions(plan)


onsuccess:
    print(f"\nThe report: {os.path.abspath('reports/index.html')}")
