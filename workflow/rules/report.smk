# Exhibits, which need only metrics files; then the report, and the page that lists the reports of all studies.

from bits.config.declared import CONFIG_DIR
from bits.config.extra import extra_exhibits
from bits.workflow.messages import on_request_message


def on_request(exhibit, extra):
    raise WorkflowError(on_request_message(exhibit, extra))


for exhibit, metrics in plan.needs.items():

    rule:
        name:
            exhibit
        input:
            [str(path) for path in metrics],
        output:
            [
                f"{reports}/exhibits/{exhibit}.{suffix}"
                for suffix in plan.formats[exhibit]
            ],
        log:
            f"{results}/logs/report/{exhibit}.log",
        localrule: True
        params:
            exhibit=exhibit,
            imports="figures" if "svg" in plan.formats[exhibit] else "tables",
            folder=f"{reports}/exhibits",
            code=code_of_exhibit(exhibit, plan.kinds[exhibit]),
            declaration=f"declaration:{exhibit}:{plan.declared[exhibit]}",
        message:
            "Render {params.exhibit}"
        shell:
            "{fork} {params.imports} bits.commands.render exhibit --plan {plan_file} --exhibit {params.exhibit}"
            " --out-dir {params.folder} > {log} 2>&1"


for exhibit, extra in extra_exhibits(CONFIG_DIR).items():
    if extra not in plan.extra and exhibit not in plan.needs:

        rule:
            name:
                exhibit
            input:
                lambda wildcards, exhibit=exhibit, extra=extra: on_request(
                    exhibit, extra
                ),


rule report:
    input:
        [f"{reports}/exhibits/{exhibit}.{RECORD}" for exhibit in plan.needs],
        records_shown(),
    output:
        page=f"{reports}/index.html",
        summary=f"{reports}/summary.json",
        shown_by_dvc=[
            f"{reports}/dvc.yaml",
            *[f"{reports}/metrics/{source}.json" for source in plan.sources],
        ],
    log:
        f"{results}/logs/report/index.log",
    localrule: True
    params:
        folder=f"{reports}/exhibits",
        code=code_state_of("report"),
        declaration=f"declaration:report:{plan.report_digest}",
    message:
        "Write the report"
    shell:
        "{fork} tables bits.commands.render report --plan {plan_file} --exhibits-dir {params.folder}"
        " --out {output.page} > {log} 2>&1"


rule front_page:
    input:
        f"{reports}/summary.json",
    output:
        "reports/index.html",
    log:
        f"{results}/logs/report/front.log",
    localrule: True
    params:
        code=code_state_of("report"),
        study=plan.study,
    message:
        "List the reports of all studies"
    shell:
        "{fork} tables bits.commands.render front --reports reports --out {output} > {log} 2>&1"
