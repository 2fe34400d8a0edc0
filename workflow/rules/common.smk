# How tables are named to Snakemake, on a disk and in an object storage.

STORED = bool(workflow.storage_settings.default_storage_provider)

# Snakemake keeps a copy of a file that a job updates, but looks for it here even if a storage holds it. There, a job makes
# its files anew, after Snakemake has removed the old ones.
kept = (lambda files: files) if STORED else update


def paths(kind, models, tasks, root="results"):
    """Where the extractions or generations of models and tasks are."""
    return [
        f"{root}/{kind}/{model}/{task}.parquet" for model in models for task in tasks
    ]


def named(tables, otherwise):
    """What is said of tables to Snakemake: their names if a storage has to carry them, else one file newer than all.

    A storage brings to a job the tables that are named, and no others. Where every job sees results/, none is named:
    Snakemake would need minutes and gigabytes to plan the half million tables of 1,540 models and 167 tasks.
    """
    return tables() if STORED else otherwise


def published(wildcards):
    """The folder of published results, or one line that names the key, where a traceback would stand."""
    with planning.exiting():
        return local(published_results(plan.config))
