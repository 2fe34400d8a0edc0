# The files of a task are on this machine and in no storage (`local`).
rule prompts:
    input:
        lambda wildcards: local(plan.question_files(wildcards.task)),
    output:
        "results/examples/{task}.parquet",
    log:
        "results/logs/prompts/{task}.log",
    benchmark:
        "results/benchmarks/prompts/{task}.tsv"
    conda:
        "../envs/rescore.yaml"
    params:
        options=lambda wildcards: plan.prompt_options(wildcards.task),
        source=lambda wildcards: plan.task_digest(wildcards.task),
        code=code_digest("rescore.commands.prompts"),
    shell:
        "rescore prompts {params.options} --out {output:q} 2> {log:q}"


rule gather_prompts:
    input:
        expand("results/examples/{task}.parquet", task=plan.tasks),
    output:
        touch("results/done/prompts"),


localrules:
    gather_prompts,
