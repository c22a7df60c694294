"""Every environment that is shipped holds parameters and sweeps that can be run."""

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from queryloop.experiment import checked
from queryloop.options import TrainingOptions
from queryloop.recorded import parameters_of, settings_of
from queryloop.sweeps.written import SweepOptions
from queryloop.training.nnunet import environment
from queryloop.values import over
from tests.projects import ROOT

CONF = ROOT / "conf"


@pytest.mark.parametrize("env", sorted(path.parent.name for path in CONF.glob("[!b]*/globals.yml")))
def test_its_parameters_are_accepted(env):
    loader = OmegaConfigLoader(str(CONF), env=env, base_env="base", default_run_env="local")
    options = checked(loader["parameters"], ())
    assert options.query.size
    assert options.n_cycles > 1
    assert options.query.schedule_cycles == options.n_cycles


@pytest.mark.parametrize("env", sorted(path.parent.name for path in CONF.glob("*/globals.yml")))
def test_what_is_recorded_of_its_parameters_gives_them_again(env):
    """Whatever was typed beside them: nothing of it is typed when it is asked for again."""
    known = OmegaConfigLoader(str(CONF), env=env, base_env="base", default_run_env="local")["parameters"]
    typed = {"query": {"size": 7}, "training": {"min_steps": 5, "precision": "32", "threads": 3}}
    recorded = settings_of(checked(over(known, typed), ()), "0123")
    again = checked(over(known, parameters_of(recorded)), ())
    assert (again.query.size, again.training.threads) == (7, 3)
    assert settings_of(again, "0123") == recorded


@pytest.mark.parametrize("strategy", ["random", "entropy", "power_entropy", "bald"])
def test_what_is_recorded_of_nnunet_gives_it_again(strategy, monkeypatch):
    monkeypatch.setattr(environment, "find_spec", lambda name: "here")
    loader = OmegaConfigLoader(str(CONF), env="phantom", base_env="base", default_run_env="local")
    typed = {"strategy": strategy, "model": {"name": "nnunet"}, "scoring": {"members": "ensemble"}}
    known = over(loader["parameters"], typed if strategy == "bald" else typed | {"scoring": {}})
    recorded = settings_of(checked(known, ()), "0123")
    again = checked(over(loader["parameters"], parameters_of(recorded) | {"strategy": strategy}), ())
    assert settings_of(again, "0123") == recorded


@pytest.mark.parametrize("path", sorted(CONF.glob("*/sweep.yml")), ids=lambda path: path.parent.name)
def test_its_sweeps_are_accepted(path):
    for sweep in yaml.safe_load(path.read_text()).values():
        assert SweepOptions.model_validate(sweep).strategies


def test_the_base_names_every_option_of_training():
    base = yaml.safe_load((CONF / "base" / "parameters.yml").read_text())["training"]
    assert base.keys() == TrainingOptions.model_fields.keys()
