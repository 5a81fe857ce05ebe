# Data: what can be made, as rendered scenes, is made once; folders and zips of the user are read in place.

MADE = {
    role: plan.roots[role]
    for role, dataset in plan.datasets.items()
    if kind_of(dataset).prepare
}


def data_files(role):
    """The files of a data set that jobs wait for; a folder's identity is in the run's name instead."""
    return [MADE[role]] if role in MADE else []


def data_there(role):
    """data_files of a set that is here. Without it nothing starts that would miss it days later."""
    if role != PRETRAINING_ROLE and not plan.is_here(role):
        raise WorkflowError(absent_message(plan, role))
    return data_files(role)


for role, path in MADE.items():

    rule:
        name:
            f"prepare_{role.replace('-', '_')}"
        output:
            path,
        log:
            f"{results}/logs/prepare/{role}.log",
        retries: jobs.retries("prepare")
        resources:
            **jobs.resources("prepare", gpu=False),
        params:
            role=role,
        message:
            "Make the data set that plays {params.role}"
        shell:
            "{fork} torch bits.commands.prepare --plan {plan_file} --dataset {params.role} > {log} 2>&1"


# Asked for by name alone: no other rule waits for them. What is there is left as it is.
for name in FETCHED:

    rule:
        name:
            f"fetch_{name}"
        output:
            directory(f"data/{name}"),
        localrule: True
        params:
            name=name,
        message:
            "Fetch {params.name}"
        shell:
            "{python} bits.commands.fetch {params.name}"
