# Evaluation: one process computes everything that the exhibits need of a backbone on a data set.


def evaluation_file(role):
    return f"{results}/evaluations/{role}-{plan['evaluations'][role]['id']}.yaml"


def features_model(role):
    return plan["evaluations"][role]["evaluation"]["features"]["model"]


rule evaluate:
    input:
        config=f"{results}/runs/{{id}}/config.yaml",
        weights=lambda wildcards: f"{results}/runs/{wildcards.id}/{features_model(wildcards.role)}.safetensors",
        outcome=f"{results}/runs/{{id}}/outcome.json",
        data=lambda wildcards: data_there(wildcards.role),
    output:
        f"{results}/metrics/{{id}}/{{role}}-{{evaluation}}.json",
    log:
        f"{results}/logs/evaluate/{{id}}/{{role}}-{{evaluation}}.log",
    benchmark:
        f"{results}/benchmarks/evaluate/{{id}}/{{role}}-{{evaluation}}.tsv"
    wildcard_constraints:
        id=any_of(RUNS),
        role="|".join(plan["evaluations"]),
        evaluation="[0-9a-f]+",
    retries: jobs.retries("evaluate")
    threads: jobs.cores("evaluate")
    resources:
        **jobs.resources("evaluate"),
    params:
        code=code_state_of("evaluate"),
        evaluation=lambda wildcards: evaluation_file(wildcards.role),
        source=lambda wildcards: RUNS[wildcards.id]["name"],
    message:
        "Evaluate {wildcards.id} on {wildcards.role}"
    shell:
        "{python} bits.commands.evaluate --run {input.config} --evaluation {params.evaluation} --site {site_file}"
        " --threads {resources.threads_each} --job {params.source}={output} > {log} 2>&1"


def seeds_of_references():
    """The references of each seed, which one process evaluates together."""
    groups = {}
    for reference in plan["references"].values():
        groups.setdefault(reference["seed"], []).append(reference)
    return groups.items()


for role in plan["evaluations"]:
    for seed, references in seeds_of_references():

        rule:
            name:
                f"evaluate_references_{role}_{seed}"
            input:
                config=references[0]["config"],
                data=data_files(role),
            output:
                **{
                    reference["name"]: plan["metrics"][reference["id"]][role]
                    for reference in references
                },
            log:
                f"{results}/logs/evaluate/references-{role}-{seed}.log",
            retries: jobs.retries("evaluate")
            threads: jobs.cores("evaluate")
            resources:
                **jobs.resources("evaluate"),
            params:
                code=code_state_of("evaluate"),
                evaluation=evaluation_file(role),
                jobs=lambda wildcards, output: [
                    f"--job {name}={path}" for name, path in output.items()
                ],
                role=role,
            message:
                "Evaluate chance, raw pixels and a random start on {params.role}"
            shell:
                "{python} bits.commands.evaluate --run {input.config} --evaluation {params.evaluation} --site {site_file}"
                " --threads {resources.threads_each} {params.jobs} > {log} 2>&1"
