# This runs after every extraction job, whose outputs Snakemake treats as new. `rescore score` leaves tables alone that were
# made from the same extractions. `done` is written last: without it the tables may be older than their inputs (extract.smk
# says why).
rule score:
    input:
        examples="results/examples/{task}.parquet",
        extractions=expand(
            "results/extractions/{model}/{{task}}.parquet", model=plan.models
        ),
        generations=expand(
            "results/generations/{model}/{{task}}.parquet", model=plan.models
        ),
    output:
        scores=update("results/scores/{task}.parquet"),
        bigbench=update("results/bigbench/{task}.parquet"),
        grading=update("results/grading/{task}.parquet"),
        positions=update("results/positions/{task}.parquet"),
        done=touch("results/done/score/{task}"),
    log:
        "results/logs/score/{task}.log",
    benchmark:
        "results/benchmarks/score/{task}.tsv"
    conda:
        "../envs/rescore.yaml"
    params:
        code=code_digest("rescore.commands.score"),
    shell:
        "rescore score {input.extractions:q} {input.generations:q} --examples {input.examples:q} --out {output.scores:q}"
        " --bigbench-out {output.bigbench:q} --grading-out {output.grading:q}"
        " --positions-out {output.positions:q} 2> {log:q}"
