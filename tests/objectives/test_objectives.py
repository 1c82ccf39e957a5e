"""The table of objectives."""

import pytest

from tcn_robot.errors import UserError
from tcn_robot.objectives import OBJECTIVES, find_objective


def test_unknown_objective_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'tcn'"):
        find_objective("tnc")


def test_an_objective_of_somebody_else_is_found_by_its_address():
    address = "tcn_robot.objectives.tcn:Tcn"
    assert find_objective(address) is OBJECTIVES["tcn"]
    with pytest.raises(UserError, match="no_such_module"):
        find_objective("no_such_module:Thing")
    with pytest.raises(UserError, match="'json:JSONDecoder' is no objective: it lacks Options"):
        find_objective("json:JSONDecoder")
