from rescore.config import cluster

# One job runs one large model, or several small ones, over all tasks or a share of them, so that a model is loaded once.
# Each job is a rule of its own, because no wildcard can name several models. rescore.config.cluster says how many GPUs and
# how much memory and time a job asks for. On one machine, `--resources gpu=N` limits how many such jobs run at once; each
# takes a GPU that no other has, or waits for one.
#
# Every table is written whole, and `rescore extract` leaves tables alone that have the same fingerprint. What a stopped job
# has finished is therefore kept, unless a storage holds it. `done` is missing until all tables of a job are there, and again
# while they are made anew: no table of an old model is taken for one of a changed model.
lost = {}
if workflow.is_main_process:
    lost = lost_tables(jobs, "results/done/extract", "results")

for name, job in jobs.items():

    rule:
        name:
            f"extract_{name}"
        input:
            named(
                lambda: expand("results/examples/{task}.parquet", task=job.tasks),
                otherwise="results/done/prompts",
            ),
        output:
            named(job.tables, otherwise=[]),
            lost.get(name, []),
            done=touch(f"results/done/extract/{name}"),
        log:
            f"results/logs/extract/{name}.log",
        benchmark:
            f"results/benchmarks/extract/{name}.tsv"
        conda:
            "../envs/rescore.yaml"
        threads: 1
        resources:
            mem_mb=cluster.raised(job.mem_mb),
            gpu=job.gpus,
            runtime=cluster.raised(job.runtime_min),
        params:
            results=subpath(output.done, ancestor=3),
            examples=lambda _, output, tasks=job.tasks: [
                f"{subpath(output.done, ancestor=3)}/examples/{task}.parquet"
                for task in tasks
            ],
            tasks=job.tasks,
            models=[f"--model={model}" for model in job.models],
            ladder=lambda _, model=job.models[0]: plan.ladder_of(model),
            rows=[plan.row_digest(model) for model in job.models],
            batch_tokens=plan.config["extract"]["batch_tokens"],
            max_new_tokens=plan.config["extract"]["max_new_tokens"],
            version=EXTRACTION_VERSION,
        shell:
            "rescore extract {params.examples:q} --ladder {params.ladder:q} {params.models:q} --out {params.results:q}"
            " --threads {threads} --batch-tokens {params.batch_tokens} --max-new-tokens {params.max_new_tokens} 2> {log:q}"


rule gather_extractions:
    input:
        expand("results/done/extract/{job}", job=jobs),
    output:
        touch("results/done/extractions"),


localrules:
    gather_extractions,
