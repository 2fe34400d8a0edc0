# Not part of `all`: figures 5 and 6 of Schaeffer et al. from BIG-bench's published results, the folder `published.path`
# (`snakemake --cores all reproduce`).
rule reproduce:
    input:
        published,
    output:
        "results/reproduction/reproduction.html",
        expand(
            "results/reproduction/{table}.{ext}",
            table=[t.name for t in TABLES.values() if t.written_by == "reproduce"],
            ext=["parquet", "csv"],
        ),
    log:
        "results/logs/reproduce.log",
    benchmark:
        "results/benchmarks/reproduce.tsv"
    conda:
        "../envs/rescore.yaml"
    threads: 8  # or as many as there are
    params:
        results=subpath(output[0], parent=True),
        # The files themselves say whether their curves can run along compute.
        settings=json.dumps(
            {k: v for k, v in plan.config["discontinuity"].items() if k != "axis"}
        ),
        code=code_digest("rescore.commands.reproduce"),
    shell:
        "rescore reproduce schaeffer --scores {input:q} --settings {params.settings:q} --threads {threads}"
        " --out {params.results:q} 2> {log:q}"
