# Where Snakemake runs, since a cluster's nodes often have no network. Its outputs are the tasks that are not there yet: one
# that is added leaves what hangs on the others alone.
localrules:
    fetch,


rule fetch:
    output:
        update(expand(f"{plan.download_root}/{{task}}/task.json", task=plan.downloads)),
    log:
        "results/logs/fetch.log",
    benchmark:
        "results/benchmarks/fetch.tsv"
    conda:
        "../envs/rescore.yaml"
    params:
        options=plan.fetch_options(),
    shell:
        "rescore fetch {params.options} 2> {log:q}"
