"""The steps of `jdl link`, in the order in which the tables go through them: spec, tables, models, stages, and what is
told afterwards."""
