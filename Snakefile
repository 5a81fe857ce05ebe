"""Every table and figure of the paper:  snakemake --cores all  [--config scale=demo|smoke|small|paper data=PATH]"""

import atexit
import os
import shlex
import signal
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [workflow.basedir, os.environ.get("PYTHONPATH")])
)
from bits.workflow.at_work import wait_for_others
from bits.workflow.locks import enter
from bits.workflow.outage import survive_outages
from bits.workflow.scheduler import Scheduler
from bits.workflow.signals import pass_signals_on
from bits.workflow.slurm_queue import clear_queue
from bits.workflow.fork_client import offer
from bits.data.fetch import FETCHED
from bits.data.kind import kind_of
from bits.plan import PRETRAINING_ROLE, WEIGHTS, resume_folder
from bits.workflow.messages import (
    absent_message,
    elsewhere_message,
    left_out_message,
    lost_logs_message,
    made_message,
    missing_message,
    remarks_message,
    unfit_message,
)
from bits.workflow.code import (
    code_of_evaluation,
    code_of_exhibit,
    code_of_training,
    code_state_of,
)
from bits.exhibits.kinds.base import RECORD
from bits.training.possession import let_go
from bits.workflow.build_plan import keep_predictions, plan_of_build

if workflow.remote_exec:
    # The signal is meant for the training in this job, which writes a checkpoint; it would kill Snakemake, and the job.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
else:
    enter()
checkout = None if workflow.overwrite_workdir else Path(workflow.basedir)
plan = plan_of_build(config, workflow.remote_exec, checkout)
results, reports = str(plan.folder), str(plan.reports)
jobs = Scheduler(plan.site, cluster="cluster" in config, inside=workflow.remote_exec)
python = f"{shlex.quote(sys.executable)} -m"
# Starts commands. On the CPU cores of this machine, with hundreds of short jobs, they share what takes long to import.
fork = f"{python} bits.workflow.fork_client"
if not (jobs.cluster or jobs.uses_gpus()):
    offer()
if jobs.cluster and not workflow.remote_exec:
    survive_outages()
# Not `params` of rules, because neither these paths nor the site settings change a result or make anything stale.
plan_file, site_file = shlex.quote(str(plan.file)), shlex.quote(str(plan.site_file))

if plan.lacks_something and not workflow.remote_exec:
    atexit.register(print, missing_message(plan), file=sys.stderr)
if plan.unfit and not workflow.remote_exec:
    atexit.register(print, unfit_message(plan), file=sys.stderr)
if plan.remarks and not workflow.remote_exec:
    print(remarks_message(plan), file=sys.stderr)
if plan.elsewhere and not workflow.remote_exec:
    atexit.register(print, elsewhere_message(plan), file=sys.stderr)
if (said := left_out_message(plan, sys.argv)) and not workflow.remote_exec:
    atexit.register(print, said, file=sys.stderr)
if (said := lost_logs_message(plan)) and not workflow.remote_exec:
    atexit.register(print, said, file=sys.stderr)


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/imports.smk"
include: "workflow/rules/report.smk"


# Lists every file that report and archive need, not just the last page, so that deleted files are made again.
rule all:
    default_target: True
    input:
        rules.front_page.output,
        rules.report.output,
        [
            f"{reports}/exhibits/{name}.{suffix}"
            for name in plan.needs
            for suffix in plan.formats[name]
        ],
        sorted({str(path) for paths in plan.needs.values() for path in paths}),
        records_shown(),


onstart:
    if plan.lacks_something:
        raise WorkflowError(missing_message(plan))
    if plan.unfit:
        raise WorkflowError("Nothing was started, for the reason below.")
    keep_predictions(plan)
    pass_signals_on()
    try:
        if jobs.cluster:
            clear_queue(workflow.dag.needrun_jobs(), is_training)
        wait_for_others(
            run.folder for run in trainings(workflow.dag.needrun_jobs())
        )
    except KeyboardInterrupt:
        raise WorkflowError(
            "Stopped while it waited; it has started nothing."
        ) from None


onsuccess:
    for run in trainings(workflow.dag.jobs):  # those that no evaluation lets go
        let_go(run.folder, resume_folder(run.folder, plan.site.scratch))
    print(made_message(workflow.dag.targetjobs))
