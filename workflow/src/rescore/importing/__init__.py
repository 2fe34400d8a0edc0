"""Results that other tools wrote, brought to the tables AGGREGATES and SCORES.

`lm_eval`, `lm_eval_samples`, `lighteval`, `inspect_logs`, `every_eval_ever`, `bigbench_files` and `table` each read
one format into FOUND, ITEMS or CHOICES (`tidy`), with names and scales as they stand in the files; `collect` finds
which file is which. `finish` makes the tables of these, alike for all: `renames`, `model_names`, `shots`, `reruns`,
`names`, `tidy`.
"""
