# Pretraining: one job a run, from its frozen configuration, resumable.

RUNS = {run["id"]: run for run in plan["runs"].values()}


def evaluation_file(role):
    return f"{results}/evaluations/{role}-{plan['evaluations'][role]['id']}.yaml"


rule pretrain:
    input:
        config=f"{results}/runs/{{id}}/config.yaml",
        data=data_files("imagenet1k"),
    output:
        teacher=f"{results}/runs/{{id}}/teacher.safetensors",
        student=f"{results}/runs/{{id}}/student.safetensors",
        heads=f"{results}/runs/{{id}}/heads.safetensors",
        outcome=f"{results}/runs/{{id}}/outcome.json",
        curve=f"{results}/runs/{{id}}/curve.json",
        provenance=f"{results}/runs/{{id}}/provenance.json",
    log:
        f"{results}/logs/pretrain/{{id}}.log",
    benchmark:
        f"{results}/benchmarks/pretrain/{{id}}.tsv"
    retries: 0
    threads: 1
    resources:
        runtime=60,
        mem_mb=4000,
    params:
        code=code_state_of("train"),
        evaluation=evaluation_file("imagenet1k"),
        site=f"{results}/site.yaml",
    message:
        "Pretrain {wildcards.id}"
    shell:
        "{python} bits.commands.pretrain --frozen {input.config} --evaluation {params.evaluation}"
        " --site {params.site} --threads {threads} > {log} 2>&1"


# `snakemake run/bits-reset` by the declared name, whatever digest it has at this scale.
for name, run in plan["runs"].items():

    rule:
        name:
            f"run/{name}"
        input:
            run["outcome"],
            plan["metrics"][name]["imagenet1k"],
