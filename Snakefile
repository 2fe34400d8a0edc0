# Which "emergent" abilities of a family of models are made by the metric? See README.md.
import json
import os
import sys
from itertools import chain
from pathlib import Path

from rescore.config import plan as planning
from rescore.config.extract_job import lost_tables
from rescore.config.folder import published_results, warn_of_main
from rescore.models import EXTRACTION_VERSION
from rescore.tables import TABLES
from rescore.tables.source import code_digest, digest_files

with planning.exiting():
    if Path("config/config.yaml").exists():
        planning.read_config(
            Path("config/config.yaml")
        )  # Snakemake's own error names no line


configfile: "config/config.yaml"


# Run the `rescore` of this environment even if it was not activated.
os.environ |= {
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), *os.get_exec_path()])
}

with planning.exiting():
    plan = planning.make(
        config,
        where=" + ".join(map(str, workflow.configfiles)),
        given=workflow.config_settings.config,
    )

if workflow.is_main_process:  # not again in each job
    warn_of_main(plan.models.values(), plan.ladders)


jobs = plan.extract_jobs()


wildcard_constraints:
    model="|".join(plan.models),
    task="|".join(plan.tasks),


include: "workflow/rules/common.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/prompts.smk"
include: "workflow/rules/extract.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/test.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/reproduce.smk"


rule all:
    default_target: True
    input:
        rules.test.output,
        rules.report.output,
        # Snakemake makes a missing file only if it is asked for here, and a job that failed leaves no other trace.
        expand("results/examples/{task}.parquet", task=plan.tasks),
        expand("results/done/extract/{job}", job=jobs),
        expand("results/done/score/{task}", task=plan.tasks),
        chain(*lost.values()),


onsuccess:
    # Not here if other files were asked for, or if a storage holds it.
    made = Path(rules.test.output[0])
    if made.exists():
        shell("rescore show summary --results {made.parent:q}")
