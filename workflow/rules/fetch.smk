# Runs where Snakemake runs, because the nodes of a cluster often have no network. Its outputs are only the tasks that are
# missing: adding one leaves what was made of the others alone.
localrules:
    fetch,


rule fetch:
    output:
        update(
            local(
                expand(f"{plan.download_root}/{{task}}/task.json", task=plan.downloads)
            )
        ),
        update(local(plan.datasets)),
    log:
        "results/logs/fetch.log",
    benchmark:
        "results/benchmarks/fetch.tsv"
    priority: 1  # most other jobs wait for it
    conda:
        "../envs/rescore.yaml"
    params:
        options=lambda _: plan.fetch_options(),  # a function, as paths may have braces
    shell:
        "rescore fetch {params.options} 2> {log:q}"
