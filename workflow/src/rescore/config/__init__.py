"""The config, the ladder and suite tables, and the plan that the Snakefile asks for."""
