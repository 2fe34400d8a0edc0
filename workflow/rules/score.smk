# This runs after every extraction job, whose outputs Snakemake treats as new. `rescore score` leaves tables alone that were
# made from the same extractions. `done` is written last: without it the tables may be older than their inputs (extract.smk
# says why).
rule score:
    input:
        examples="results/examples/{task}.parquet",
        extractions=lambda wildcards: named(
            lambda: paths("extractions", plan.models, [wildcards.task])
            + paths("generations", plan.models, [wildcards.task]),
            otherwise="results/done/extractions",
        ),
    output:
        scores=kept("results/scores/{task}.parquet"),
        bigbench=kept("results/bigbench/{task}.parquet"),
        grading=kept("results/grading/{task}.parquet"),
        positions=kept("results/positions/{task}.parquet"),
        done=touch("results/done/score/{task}"),
    log:
        "results/logs/score/{task}.log",
    benchmark:
        "results/benchmarks/score/{task}.tsv"
    conda:
        "../envs/rescore.yaml"
    params:
        extractions=lambda wildcards, output: [
            path
            for kind in ["extractions", "generations"]
            for path in paths(
                kind,
                plan.models,
                [wildcards.task],
                root=subpath(output.done, ancestor=3),
            )
        ],
        models=list(plan.models),
        code=code_digest("rescore.commands.score"),
    shell:
        "rescore score {params.extractions:q} --examples {input.examples:q} --out {output.scores:q}"
        " --bigbench-out {output.bigbench:q} --grading-out {output.grading:q}"
        " --positions-out {output.positions:q} 2> {log:q}"
