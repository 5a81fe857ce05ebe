# Evaluation: one process computes everything that the exhibits need of a backbone on a data set.

from bits.evaluation.declaration import weights_read
from functools import cache

from bits.plan.passes import run_beside, shared_passes
from bits.workflow.code import code_of_evaluation
from bits.workflow.limits import hours_of, predicted_hours

EVALUATIONS = plan.evaluations


@cache
def predictions():
    """Hours of the evaluations; kept now if they are not yet, because Slurm is asked for time before anything starts."""
    if not jobs.cluster or workflow.remote_exec:
        return {}
    if not workflow.dryrun and not plan.lacks_something and not plan.unfit:
        keep_predictions(plan)
    return predicted_hours(plan, jobs.uses_gpus())


def evaluation_file(name):
    return str(plan.evaluation_file(name))


def weights_files(wildcards):
    parts = weights_read(EVALUATIONS[wildcards.evaluation].settings)
    return [str(RUNS[wildcards.id].weights(part)) for part in parts]


rule evaluate:
    input:
        config=f"{results}/runs/{{id}}/config.yaml",
        weights=weights_files,
        outcome=f"{results}/runs/{{id}}/outcome.json",
        data=lambda wildcards: data_there(EVALUATIONS[wildcards.evaluation].role),
    output:
        f"{results}/metrics/{{id}}/{{evaluation}}.json",
    log:
        f"{results}/logs/evaluate/{{id}}/{{evaluation}}.log",
    wildcard_constraints:
        id=any_of(RUNS),
        evaluation=any_of(EVALUATIONS),
    priority: 1  # before the next training: a run keeps its checkpoints until it is measured
    retries: jobs.retries("evaluate")
    threads: jobs.cores("evaluate")
    resources:
        **jobs.resources(
            "evaluate",
            predicted=lambda wildcards: hours_of(
                [f"{wildcards.id}/{wildcards.evaluation}.json"], predictions()
            ),
        ),
    params:
        code=lambda wildcards: code_of_evaluation(EVALUATIONS[wildcards.evaluation]),
        evaluation=lambda wildcards: evaluation_file(wildcards.evaluation),
        source=lambda wildcards: RUNS[wildcards.id].name,
        role=lambda wildcards: EVALUATIONS[wildcards.evaluation].data,
    message:
        "Evaluate {wildcards.id} on {params.role}"
    shell:
        "{fork} torch bits.commands.evaluate --run {input.config} --evaluation {params.evaluation} --site {site_file}"
        " --threads {resources.threads_each} --job {params.source}={output} > {log} 2>&1"


# `snakemake together` before everything else: probes that need the same augmented images, side by side. It leaves what it
# measured where the evaluations go on from, so none depends on it, and a run that fails is not waited for afterwards.
SHARED = shared_passes(plan)
for shared in SHARED.values():
    members = [run_beside(plan, identity) for identity in shared.files]

    rule:
        name:
            f"together_{shared.name.replace('-', '_')}"
        input:
            config=sorted({str(run.config) for run in members}),
            weights=[
                str(plan.runs[identity].weights(part))
                for identity, path in shared.files.items()
                if identity in plan.runs
                for part in weights_read(plan.of_metrics(path).settings)
            ],
            imported=[
                str(plan.imports[identity].weights)
                for identity in shared.files
                if identity in plan.imports
            ],
            outcomes=[
                str(plan.runs[identity].outcome)
                for identity in shared.files
                if identity in plan.runs
            ],
            data=lambda wildcards, role=shared.role: data_there(role),
        output:
            touch(f"{results}/together/{shared.name}"),
        log:
            f"{results}/logs/evaluate/together-{shared.name}.log",
        retries: jobs.retries("evaluate")
        threads: jobs.cores("evaluate")
        resources:
            **jobs.resources(
                "evaluate",
                predicted=lambda wildcards, shared=shared: max(
                    hours_of([path], predictions()) for path in shared.files.values()
                ),
            ),
        params:
            code=[
                code_of_evaluation(plan.of_metrics(path))
                for path in shared.files.values()
            ],
            name=shared.name,
            sources=sorted(plan.source(identity).name for identity in shared.files),
        message:
            "Probe {params.sources} side by side"
        shell:
            "{fork} torch bits.commands.together --plan {plan_file} --site {site_file} --shared {params.name}"
            " --threads {resources.threads_each} > {log} 2>&1"


rule together:
    input:
        [
            f"{results}/together/{name}"
            for name, shared in SHARED.items()
            if shared.role == PRETRAINING_ROLE or plan.is_here(shared.role)
        ],


for job in plan.reference_jobs:

    rule:
        name:
            f"evaluate_references_{job.evaluation.replace('-', '_')}_{job.seed}"
        input:
            data=data_files(EVALUATIONS[job.evaluation].role),
        output:
            **{plan.references[id].name: str(path) for id, path in job.files.items()},
        log:
            f"{results}/logs/evaluate/references-{job.evaluation}-{job.seed}.log",
        retries: jobs.retries("evaluate")
        threads: jobs.cores("evaluate")
        resources:
            **jobs.resources(
                "evaluate",
                predicted=lambda wildcards, job=job: hours_of(
                    job.files.values(), predictions()
                ),
            ),
            # No input, because references depend on no schedule: another run beside them leaves them as they are.
            config=str(RUNS[job.run].config),
        params:
            code=code_of_evaluation(EVALUATIONS[job.evaluation]),
            evaluation=evaluation_file(job.evaluation),
            jobs=lambda wildcards, output: [
                f"--job {name}={path}" for name, path in output.items()
            ],
            role=EVALUATIONS[job.evaluation].data,
        message:
            "Evaluate chance, raw pixels and a random start on {params.role}"
        shell:
            "{fork} torch bits.commands.evaluate --run {resources.config} --evaluation {params.evaluation} --site {site_file}"
            " --threads {resources.threads_each} {params.jobs} > {log} 2>&1"
