"""A shard continued with what has changed is the shard packed anew, bit for bit."""

from __future__ import annotations

import numpy as np
from linkage_people import Versions, identity_table, town, versions_of

from jdl_spark.linkage.increment import continue_shard, made_by
from jdl_spark.linkage.index import pack_versions, unpacked
from jdl_spark.linkage.records import Records, to_bytes


def rebuilt(versions: Versions) -> Records:
    return pack_versions(identity_table(versions), "offender_id")


def stored(records: Records) -> bytes:
    return to_bytes(records.to_arrays())


def continued(before: Versions, now: Versions) -> Records:
    """Continue the shard of one state to the other: all versions of whoever differs, a bare row for whoever is gone."""

    def of(versions: Versions, person: int) -> Versions:
        return {key: row for key, row in versions.items() if key[0] == person}

    people = {person for person, _ in before | now}
    differs = {person for person in people if of(before, person) != of(now, person)}
    touched = {key: row for key, row in now.items() if key[0] in differs}
    touched |= {(person, 0): {} for person in differs if not of(now, person)}
    old = [unpacked(stored(rebuilt(before)))] if before else []
    return continue_shard(old, identity_table(touched), "offender_id")


def same(before: Versions, now: Versions) -> bool:
    found, expected = continued(before, now), rebuilt(now)
    assert np.array_equal(found.names.text, expected.names.text)
    return stored(found) == stored(expected)


RARE = town(1)[0] | {"surname": "Featherstonehaugh-Zouch", "middle_names": "Xanthippe", "forename": "Rhiannon"}


def test_new_people_and_new_versions() -> None:
    now = versions_of(40) | {(100 + n, 1): row for n, row in enumerate(town(5, seed=9))}
    assert same(versions_of(40), now | {(1, 2): RARE, (0, 3): RARE})


def test_a_correction_and_a_version_that_is_taken_back() -> None:
    now = versions_of(40)
    now[8, 1] = now[8, 1] | {"date_of_birth": None, "surname": "Newname"}
    del now[9, 2]
    assert same(versions_of(40), now)


def test_a_name_goes_with_its_last_bearer() -> None:
    before = versions_of(40) | {(7, 1): RARE}
    assert "XANTHIPPE" in rebuilt(before).names.text
    assert same(before, versions_of(40))
    assert "XANTHIPPE" not in continued(before, versions_of(40)).names.text


def test_people_who_are_gone_alias_and_all() -> None:
    now = {key: row for key, row in versions_of(40).items() if key[0] not in (12, 13)}
    assert same(versions_of(40), now)


def test_from_nobody_to_somebody_and_back() -> None:
    assert same({}, versions_of(10))
    assert len(continued(versions_of(10), {})) == 0


def test_a_person_whose_names_are_all_missing() -> None:
    bare = {"forename": "Unknown", "surname": None}
    assert same(versions_of(3), versions_of(3) | {(50, 1): bare})
    assert same({(50, 1): bare}, versions_of(3) | {(50, 1): bare})


def test_the_make_of_an_index_is_one_text() -> None:
    assert made_by() == made_by()
    assert len(made_by()) == 64
