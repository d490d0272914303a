"""Record linkage: cohorts to the nation, and one national population to another."""
