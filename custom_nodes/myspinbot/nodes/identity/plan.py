"""From the inputs of Train Identity to its pictures and its plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...comfyui.feedback import progress_callback
from ...comfyui.input_folder import input_folder
from .model import family_of, file_of, origin_of

if TYPE_CHECKING:
    from ...engines.identity.plan import Plan
    from ...engines.identity.prepare import TrainingSet
    from ...engines.identity.read import Picture, Unreadable

NO_FOLDER = "(the images input)"


def planned(lists: dict[str, Any]) -> tuple[TrainingSet, Plan]:
    """The training set and the plan that the node's inputs, each of them a list, ask for.

    Raises:
        ValueError: An input can't be used; the message says which and why.
    """
    from ...engines.identity.captions import TRIGGER, checked_trigger
    from ...engines.identity.lora import IdentityError, checked_name
    from ...engines.identity.plan import Plan
    from ...engines.identity.prepare import prepare
    from ...engines.identity.settings import chosen, stages

    asked = {name: values[0] for name, values in lists.items() if name not in ("images", "captions")}
    if not asked["consent"]:
        raise IdentityError(
            "A face belongs to the person who has it. Switch `consent` on to state that you may use these pictures."
        )
    name, trigger = checked_name(asked["name"]), checked_trigger(asked["trigger"])
    model, clip, vae = asked["model"], asked["clip"], asked["vae"]
    base_model, family = file_of(model).name, family_of(model, asked["preset"])
    settings = chosen(family, **{key: asked[key] for key in ("steps", "resolution", "rank", "learning_rate")})
    found, count = _pictures(asked["folder"], lists.get("images") or [], lists.get("captions") or [])
    pictures = prepare(found, count, settings, trigger=trigger, template=asked["caption"], on_step=progress_callback())
    plan = Plan(
        name=name,
        trigger=trigger,
        family=family,
        base_model=base_model,
        origin=origin_of(model, clip.patcher, vae.patcher, asked.get("drawing_model") or model),
        prompt=" ".join(asked["sample_prompt"].replace(TRIGGER, trigger).split()),
        seed=asked["seed"],
        stages=stages(settings.steps, asked["sample_every"]),
        settings=settings,
        learned=(),
        held_out=(),
    )
    return pictures, plan.with_pictures(pictures)


def _pictures(folder: str, images: list[Any], captions: list[str]) -> tuple[Iterator[Picture | Unreadable], int]:
    """The pictures of the folder and then those of the images input, and how many they are."""
    from ...engines.identity.prepare import TrainingSetError
    from ...engines.identity.read import files_in, read_all

    paths = [] if folder == NO_FOLDER else files_in(input_folder(folder))
    batch = [image for batch in images for image in batch]
    if captions and len(captions) != len(batch):
        raise TrainingSetError(f"There are {len(captions)} captions for {len(batch)} images; connect one for each.")
    if not paths and not batch:
        where = "The images input is empty" if folder == NO_FOLDER else f"The folder {folder!r} holds no pictures"
        raise TrainingSetError(f"{where}. Choose a folder with 5 to 50 pictures of one person, or connect images.")

    def found() -> Iterator[Picture | Unreadable]:
        yield from read_all(paths)
        yield from _of_batch(batch, captions)

    return found(), len(paths) + len(batch)


def _of_batch(batch: list[Any], captions: list[str]) -> Iterator[Picture]:
    from ...engines.identity.read import Picture
    from ...media.picture import from_image

    for index, image in enumerate(batch):
        words = " ".join(captions[index].split()) if captions else ""
        yield Picture(f"image {index + 1}", from_image(image[None]), words)
