# Not part of `all`: trains the shipped ladder anew, beside the shipped one (`snakemake --cores all train`; hours). Its inputs
# are the tasks whose questions are kept out of training. The folder of models that it makes is in no storage (`local`).
rule train:
    input:
        lambda wildcards: local(
            expand(
                f"{planning.DOWNLOADS}/bigbench/{{task}}/task.json",
                task=planning.excluded_tasks(
                    f"{workflow.basedir}/config/ladders/nano-train.yaml"
                ),
            )
        ),
        config=local(f"{workflow.basedir}/config/ladders/nano-train.yaml"),
    output:
        local("results/ladders/nano/ladder.tsv"),
    log:
        "results/logs/train.log",
    benchmark:
        "results/benchmarks/train.tsv"
    conda:
        "../envs/rescore.yaml"
    threads: lambda wildcards: workflow.cores  # a function, because a cluster profile sets no cores
    shell:
        "rescore train --config {input.config:q} --out results/ladders/nano --threads {threads} 2> {log:q}"
