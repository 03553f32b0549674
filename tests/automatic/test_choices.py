"""What the runner's doctor says of the automatic nodes is what they choose from."""

from __future__ import annotations

from myspinbot.nodes.automatic.head_engines import ENGINES
from myspinbot.nodes.automatic.image_models import FAMILIES
from myspinbot_manage.doctor.automatic import HEADS, IMAGES, UPSCALERS, VOICES
from myspinbot_shared.manifest import load


def test_the_doctor_knows_the_same_ways():
    assert tuple(family.roles for family in FAMILIES) == IMAGES
    assert tuple(engine.roles for engine in ENGINES if engine.roles) == HEADS


def test_they_are_those_of_the_manifest():
    models = load().models
    assert all(key in models for ways in (IMAGES, HEADS) for way in ways for ids in way for key in ids)
    speech = [model for model in models.values() if model.file.startswith("F5-TTS/") and model.format != "text"]
    assert [way[0][0] for way in VOICES] == [model.id for model in speech if "vocos" not in model.id]
    assert {*UPSCALERS[0][0]} == {model.id for model in models.values() if model.stage == "upscale"}
