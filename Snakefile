# Which "emergent" abilities of a family of models are made by the metric? See README.md.
import json
import os
import sys

from rescore.config import plan as planning
from rescore.config.folder import warn_of_main
from rescore.models import EXTRACTION_VERSION
from rescore.tables import TABLES
from rescore.tables.source import code_digest


configfile: "config/config.yaml"


# Run the `rescore` of this environment even if it was not activated.
os.environ |= {
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), *os.get_exec_path()])
}

plan = planning.make_or_exit(
    config,
    where=" + ".join(map(str, workflow.configfiles)),
    given=workflow.config_settings.config,
)

if workflow.is_main_process:  # not again in each job
    warn_of_main(plan.models.values(), plan.ladders)


wildcard_constraints:
    model="|".join(plan.models),
    task="|".join(plan.tasks),


include: "workflow/rules/fetch.smk"
include: "workflow/rules/prompts.smk"
include: "workflow/rules/extract.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/test.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/train.smk"


rule all:
    default_target: True
    input:
        rules.test.output,
        rules.report.output,
        # Snakemake makes a missing file only if it is asked for here, and a job that failed leaves no other trace.
        expand("results/examples/{task}.parquet", task=plan.tasks),
        expand("results/done/extract/{job}", job=plan.extract_jobs()),
        expand("results/done/score/{task}", task=plan.tasks),


onsuccess:
    if os.path.exists(
        "results/headline.parquet"
    ):  # not where other files were asked for
        shell("rescore show summary --results results")
