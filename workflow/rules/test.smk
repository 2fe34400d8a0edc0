rule test:
    input:
        scores=expand("results/scores/{task}.parquet", task=plan.tasks),
        examples=expand("results/examples/{task}.parquet", task=plan.tasks),
        grading=expand("results/grading/{task}.parquet", task=plan.tasks),
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
        results=subpath(output[0], parent=True),
        examples=lambda _, input: [f"--examples={table}" for table in input.examples],
        grading=lambda _, input: [f"--grading={table}" for table in input.grading],
        ladders=lambda _: [f"--ladder={path}" for path in plan.ladders.values()],
        rows=digest_files(plan.ladders.values()),
        settings=json.dumps(plan.config["discontinuity"]),
        code=code_digest("rescore.commands.test"),
    shell:
        "rescore test --scores {input.scores:q} {params.examples:q} {params.grading:q} {params.ladders:q}"
        " --settings {params.settings:q} --threads {threads} --out {params.results:q} 2> {log:q}"
