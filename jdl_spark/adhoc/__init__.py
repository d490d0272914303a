"""The same stages on data from outside the request road: any linked table, any two tables of people."""
