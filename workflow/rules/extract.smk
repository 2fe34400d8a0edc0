from rescore.config import cluster

# Large models want a GPU each; rescore.config.cluster says how many, how much memory and how much time. On one machine
# `--resources gpu=N` bounds how many such jobs run at once; each takes a GPU that no other has, or waits for one.
#
# One job a model, or several small ones, for all tasks or a share of them: a model is loaded once. Outputs that stand
# already with the same fingerprint are left alone, and every file is written whole, so what a stopped job has done is kept
# (see keep-incomplete in the profile). A rule a job, because no wildcard can name several models.
#
# Of a job that fails Snakemake puts the outputs back that stood there before, and takes them for new: after a changed row
# the next run would go on with the old model's. `done`, which `all` asks for, is then not there, and the job runs again.
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
