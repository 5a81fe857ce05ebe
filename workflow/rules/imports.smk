# Backbones that were trained elsewhere: a file of weights becomes this project's own, once. The file is no input, so that
# nothing needs it again; its digest is part of the import's name.

from bits.plan.sources import IMPORTED

IMPORTS = plan.imports


rule import_weights:
    input:
        config=f"{results}/imports/{{id}}/config.yaml",
    output:
        weights=f"{results}/imports/{{id}}/{IMPORTED}.safetensors",
        provenance=f"{results}/imports/{{id}}/provenance.json",
    log:
        f"{results}/logs/import/{{id}}.log",
    wildcard_constraints:
        id=any_of(IMPORTS),
    priority: 2  # a file that does not fit is found before anything is trained
    retries: jobs.retries("prepare")
    resources:
        **jobs.resources("prepare", gpu=False),
    message:
        "Import {wildcards.id}"
    shell:
        "{fork} torch bits.commands.import_weights --import {input.config} > {log} 2>&1"


use rule evaluate as evaluate_import with:
    input:
        config=f"{results}/imports/{{id}}/config.yaml",
        weights=f"{results}/imports/{{id}}/{IMPORTED}.safetensors",
        provenance=f"{results}/imports/{{id}}/provenance.json",
        data=lambda wildcards: data_there(EVALUATIONS[wildcards.evaluation].role),
    wildcard_constraints:
        id=any_of(IMPORTS),
        evaluation=any_of(EVALUATIONS),
    params:
        code=lambda wildcards: code_of_evaluation(EVALUATIONS[wildcards.evaluation]),
        evaluation=lambda wildcards: evaluation_file(wildcards.evaluation),
        source=lambda wildcards: IMPORTS[wildcards.id].name,
        role=lambda wildcards: EVALUATIONS[wildcards.evaluation].role,


# `snakemake run/dino-official` imports and measures one by its name in runs.yaml.
for one in IMPORTS.values():

    rule:
        name:
            f"run/{one.name}"
        input:
            str(one.provenance),
            [str(path) for path in plan.evaluation_files(one.id).values()],
