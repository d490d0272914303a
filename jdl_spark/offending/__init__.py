"""What happened to offenders: index events and one-year proven reoffending."""
