FIGURES = ["figure", "cliffs", "map", "waterfall", "lengths"]


# For `snakemake --report`: what the captions are about.
report: "../report/workflow.rst"


# The list of emergent tasks ships with the code, wherever the run's own config is.
rule report:
    input:
        "results/curves.parquet",
        "results/verdicts.parquet",
        "results/cliffs.parquet",
        "results/headline.parquet",
        expand("results/{table}.parquet", table=[table.name for table in DIAGNOSTICS]),
        expand(
            "results/{table}/{task}.parquet",
            table=["grading", "positions"],
            task=plan.tasks,
        ),
        expand("results/examples/{task}.parquet", task=plan.tasks),
        expand(
            "results/generations/{model}/{task}.parquet",
            model=plan.models,
            task=plan.tasks,
        ),
        emergent=f"{workflow.basedir}/config/suites/emergent.tsv",
    output:
        multiext("results/concentration", ".parquet", ".csv"),
        report(
            "results/report/index.html",
            caption="../report/index.rst",
            category="Pages",
            labels={"page": "report"},
        ),
        report(
            "results/report/sandbox.html",
            caption="../report/sandbox.rst",
            category="Pages",
            labels={"page": "sandbox"},
        ),
        [
            report(
                f"results/report/{figure}.svg",
                caption=f"../report/{figure}.rst",
                category="Figures",
                labels={"figure": figure},
            )
            for figure in FIGURES
        ],
        expand("results/report/{figure}.{ext}", figure=FIGURES, ext=["pdf", "png"]),
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    conda:
        "../envs/rescore.yaml"
    params:
        code=planning.code(
            "stages/reporting",
            "report",
            "tables",
            "config",
            "discontinuity/concentration",
        ),
    shell:
        "rescore report --results results --emergent {input.emergent:q} 2> {log:q}"
