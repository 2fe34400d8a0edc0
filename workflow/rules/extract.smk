# One job a model, or several small ones, for all tasks: a model is loaded once. Outputs that stand already with the same
# fingerprint are left alone, and every file is written whole, so what a stopped job has done is kept (see keep-incomplete
# in the profile). A rule a job, because no wildcard can name several models.
for job, models in plan.extract_jobs().items():

    rule:
        name:
            f"extract_{job}"
        input:
            expand("results/examples/{task}.parquet", task=plan.tasks),
        output:
            extractions=update(
                expand(
                    "results/extractions/{model}/{task}.parquet",
                    model=models,
                    task=plan.tasks,
                )
            ),
            generations=update(
                expand(
                    "results/generations/{model}/{task}.parquet",
                    model=models,
                    task=plan.tasks,
                )
            ),
        log:
            f"results/logs/extract/{job}.log",
        benchmark:
            f"results/benchmarks/extract/{job}.tsv"
        conda:
            "../envs/rescore.yaml"
        threads: 1
        params:
            models=" ".join(f"--model {model}" for model in models),
            ladder=plan.ladder_of(job),
            rows=[plan.row_digest(model) for model in models],
            batch_tokens=config["extract"]["batch_tokens"],
            max_new_tokens=config["extract"]["max_new_tokens"],
            version=EXTRACTION_VERSION,
        shell:
            "rescore extract {input} --ladder {params.ladder} {params.models} --out results --threads {threads}"
            " --batch-tokens {params.batch_tokens} --max-new-tokens {params.max_new_tokens} 2> {log}"
