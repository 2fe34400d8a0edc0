rule test:
    input:
        scores=expand("results/scores/{task}.parquet", task=plan.tasks),
        examples=expand("results/examples/{task}.parquet", task=plan.tasks),
        grading=expand("results/grading/{task}.parquet", task=plan.tasks),
        ladders=list(map(str, plan.ladders.values())),
    output:
        expand(
            "results/{table}.{ext}",
            table=[t.name for t in TABLES.values() if t.written_by == "test"],
            ext=["parquet", "csv"],
        ),
    log:
        "results/logs/test.log",
    benchmark:
        "results/benchmarks/test.tsv"
    conda:
        "../envs/rescore.yaml"
    threads: 8  # or as many as there are
    params:
        examples=[f"--examples=results/examples/{task}.parquet" for task in plan.tasks],
        grading=[f"--grading=results/grading/{task}.parquet" for task in plan.tasks],
        ladders=[f"--ladder={path}" for path in plan.ladders.values()],
        settings=json.dumps(plan.config["discontinuity"]),
        code=code_digest("rescore.commands.test"),
    shell:
        "rescore test --scores {input.scores:q} {params.examples:q} {params.grading:q} {params.ladders:q}"
        " --settings {params.settings:q} --threads {threads} --out results 2> {log:q}"
