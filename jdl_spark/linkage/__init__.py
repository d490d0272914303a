"""Record linkage: cohort people to national records, and offenders to benefit records."""
