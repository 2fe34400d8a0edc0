from rescore.config import cluster

# One job runs one large model, or several small ones, over all tasks or a share of them, so that a model is loaded once.
# Each job is a rule of its own, because no wildcard can name several models. rescore.config.cluster says how many GPUs and
# how much memory and time a job asks for. On one machine, `--resources gpu=N` limits how many such jobs run at once; each
# takes a GPU that no other has, or waits for one.
#
# Every file is written whole, and `rescore extract` leaves tables alone that have the same fingerprint. What a stopped job
# has finished is therefore kept (see keep-incomplete in the profile).
#
# When a job fails, Snakemake restores its old outputs and treats them as current: after a changed ladder row, the next run
# would go on with the tables of the old model. `done`, which `all` asks for, is then missing, so the job runs again.
for name, job in plan.extract_jobs().items():

    rule:
        name:
            f"extract_{name}"
        input:
            expand("results/examples/{task}.parquet", task=job.tasks),
        output:
            extractions=update(
                expand(
                    "results/extractions/{model}/{task}.parquet",
                    model=job.models,
                    task=job.tasks,
                )
            ),
            generations=update(
                expand(
                    "results/generations/{model}/{task}.parquet",
                    model=job.models,
                    task=job.tasks,
                )
            ),
            # of the tasks whose suite row lets models reason before the answer
            reasoning=update(
                expand(
                    "results/reasoning/{model}/{task}.parquet",
                    model=job.models,
                    task=plan.reasoned(job.tasks),
                )
            ),
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
            models=[f"--model={model}" for model in job.models],
            ladder=plan.ladder_of(job.models[0]),
            rows=[plan.row_digest(model) for model in job.models],
            batch_tokens=plan.config["extract"]["batch_tokens"],
            max_new_tokens=plan.config["extract"]["max_new_tokens"],
            version=EXTRACTION_VERSION,
        shell:
            "rescore extract {input:q} --ladder {params.ladder:q} {params.models:q} --out results --threads {threads}"
            " --batch-tokens {params.batch_tokens} --max-new-tokens {params.max_new_tokens} 2> {log:q}"
