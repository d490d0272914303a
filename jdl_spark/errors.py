"""Exceptions that are a user's business.

Every one carries a message in plain English that says what is wrong and what to do next, and
never a value of a person. The command line prints the message without a traceback and ends
with the exception's exit code; anything else that is raised is a bug.
"""


class JdlError(Exception):
    """Base of all errors a user can mend. `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(JdlError):
    """The command, a settings file, a mapping or a spec does not say what it must."""

    exit_code = 2


class InputError(JdlError):
    """A file or folder that was handed in cannot be used as it is."""

    exit_code = 2


class RefusedError(JdlError):
    """A rule of the Justice Data Lab refuses the request; the message quotes the rule."""

    exit_code = 3


class EnvironmentProblem(JdlError):
    """Something the programs need (Java, the Delta jars, memory, a lake) is missing."""

    exit_code = 4


class StoreError(JdlError):
    """A table of the lake refused a write or is missing; names the table and the rule only."""

    exit_code = 1
