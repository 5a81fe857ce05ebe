# Pretraining and fine-tuning: one resumable job per run, from its frozen configuration.

RUNS = plan.runs
PRETRAININGS = [name for name, run in RUNS.items() if run.kind == "pretraining"]
FINETUNINGS = [name for name, run in RUNS.items() if run.kind == "finetuning"]


def training_command():
    """A single process runs directly; several, on one or more nodes, are started by torchrun."""
    processes, nodes = plan.site.processes, plan.site.nodes
    each = f"--threads {jobs.threads('train')}"
    if processes == nodes == 1:
        return f"bits.commands.pretrain {each}"
    return f"bits.commands.launch --processes {processes} --nodes {nodes} -- {each}"


def trainings(jobs_of_a_call):
    """The runs that some of Snakemake's jobs train."""
    return [RUNS[job.wildcards.id] for job in jobs_of_a_call if is_training(job)]


def is_training(job):
    return job.rule.name in ("pretrain", "finetune")


def records_of(run):
    """What a run leaves besides weights, except its log, which training only appends to."""
    return [str(path) for path in (run.outcome, run.curve, run.provenance)]


def records_shown():
    """The records of all imports and of the runs that exhibits show, with the pretrainings that these start from."""
    shown = {path.parent.name for paths in plan.needs.values() for path in paths}
    shown = [RUNS[id] for id in shown & set(RUNS)]
    runs = shown + [RUNS[run.start] for run in shown if run.start]
    imported = {str(one.provenance) for one in plan.imports.values()}
    return sorted({record for run in runs for record in records_of(run)} | imported)


def any_of(names):
    return "|".join(map(re.escape, names)) or "(?!)"


rule pretrain:
    input:
        config=f"{results}/runs/{{id}}/config.yaml",
        data=data_files(PRETRAINING_ROLE),
    output:
        **{part: f"{results}/runs/{{id}}/{part}.safetensors" for part in WEIGHTS},
        outcome=f"{results}/runs/{{id}}/outcome.json",
        curve=f"{results}/runs/{{id}}/curve.json",
        provenance=f"{results}/runs/{{id}}/provenance.json",
    log:
        f"{results}/logs/pretrain/{{id}}.log",
    wildcard_constraints:
        id=any_of(PRETRAININGS),
    retries: jobs.retries("train")
    threads: jobs.cores("train", plan.site.processes)
    resources:
        **jobs.resources("train", plan.site.processes, plan.site.nodes),
        train=training_command(),  # a resource, because a change of `params` would make runs stale
    params:
        code=lambda wildcards: code_of_training(RUNS[wildcards.id].recipe),
        start="",
    message:
        "Pretrain {wildcards.id}"
    shell:
        "{fork} torch {resources.train} --frozen {input.config} --site {site_file} {params.start} > {log} 2>&1"


use rule pretrain as finetune with:
    input:
        config=f"{results}/runs/{{id}}/config.yaml",
        data=lambda wildcards: data_there(RUNS[wildcards.id].role),
        start=lambda wildcards: expand(
            f"{results}/runs/{{start}}/{{part}}.safetensors",
            start=RUNS[wildcards.id].start,
            part=WEIGHTS,
        ),
    wildcard_constraints:
        id=any_of(FINETUNINGS),
    params:
        code=lambda wildcards: code_of_training(RUNS[wildcards.id].recipe),
        start=lambda wildcards: "--from-run "
        + str(RUNS[RUNS[wildcards.id].start].folder),
    message:
        "Fine-tune {wildcards.id}"


# `snakemake run/bits-reset` makes all seeds of a run by its name in runs.yaml, whatever their digests.
for source, ids in plan.sources.items():
    if ids[0] in RUNS:

        rule:
            name:
                f"run/{source}"
            input:
                [record for id in ids for record in records_of(RUNS[id])],
                # A run that is only shown as a curve has no other metrics file.
                [str(plan.metrics[id].get(RUNS[id].role, RUNS[id].curve)) for id in ids],
