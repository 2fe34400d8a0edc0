FIGURES = ["figure", "cliffs", "map", "waterfall", "lengths"]


# What `snakemake --report` says above the captions.
report: "../report/workflow.rst"


rule report:
    input:
        expand(
            "results/{table}.parquet",
            table=[t.name for t in TABLES.values() if t.written_by == "test"],
        ),
        expand(
            "results/{table}/{task}.parquet",
            table=["grading", "positions"],
            task=plan.tasks,
        ),
        expand("results/examples/{task}.parquet", task=plan.tasks),
        named(
            lambda: paths("generations", plan.models, plan.tasks),
            otherwise="results/done/extractions",
        ),
    output:
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
        results=subpath(output[0], ancestor=2),
        code=code_digest("rescore.commands.report"),
    shell:
        "rescore report --results {params.results:q} 2> {log:q}"
