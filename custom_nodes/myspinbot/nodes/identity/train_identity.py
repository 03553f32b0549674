"""Train Identity (LoRA): from a few pictures of a person to a LoRA that draws them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.input_folder import input_folder, state_of
from ...comfyui.work_store import work_store
from .model import AUTO, family_of, file_of, origin_of

if TYPE_CHECKING:
    from ...engines.identity.plan import Plan
    from ...engines.identity.read import Picture, Unreadable
    from ...engines.identity.training_set import TrainingSet

NO_FOLDER = "(the images input)"


class TrainIdentity(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotTrainIdentity",
            display_name="Train Identity (LoRA)",
            category="MySpinBot/Identity",
            description="Trains a LoRA on 5 to 50 pictures of one person, checks the pictures first, draws samples on "
            "the way, and goes on where it was interrupted. The LoRA is saved in models/loras/myspinbot.",
            search_aliases=["train lora", "dreambooth", "fine-tune", "character lora", "face training", "identity"],
            is_input_list=True,
            is_output_node=True,
            enable_expand=True,
            hidden=[io.Hidden.dynprompt, io.Hidden.unique_id],
            inputs=[
                io.Model.Input("model", tooltip="The model to train on, from Load Checkpoint or Load Diffusion Model."),
                io.Clip.Input("clip", tooltip="The text encoder that belongs to the model."),
                io.Vae.Input("vae", tooltip="The VAE that belongs to the model."),
                io.Combo.Input(
                    "folder",
                    options=[NO_FOLDER, *_folders()],
                    tooltip="A folder in ComfyUI's input folder with 5 to 50 pictures of one person; words in a text "
                    "file beside a picture are its caption.",
                ),
                io.String.Input("name", default="my identity", tooltip="What the identity and its file are called."),
                io.String.Input(
                    "trigger",
                    default="ohwx person",
                    tooltip="Rare words that will stand for the person in prompts, best with what they are: man, "
                    "woman, person.",
                ),
                io.Boolean.Input(
                    "consent",
                    default=False,
                    label_on="I may use these pictures",
                    label_off="not stated",
                    tooltip="Your statement that the pictures show you or that the person lets you use them; it is "
                    "required.",
                ),
                io.Combo.Input(
                    "preset",
                    options=[AUTO, *_families()],
                    default=AUTO,
                    tooltip="The settings for a kind of model; auto takes those for the model that is connected.",
                ),
                io.Int.Input(
                    "steps", default=0, min=0, max=20000, tooltip="Steps of the training; 0 for the preset's own."
                ),
                io.Int.Input(
                    "sample_every",
                    display_name="Sample every",
                    default=250,
                    min=0,
                    max=20000,
                    tooltip="Steps between sample pictures; what was trained until then is saved, should the rest be "
                    "interrupted. 0 draws one at the end only.",
                ),
                io.String.Input(
                    "sample_prompt",
                    display_name="Sample prompt",
                    default="a portrait photo of {trigger}, looking at the camera",
                    multiline=True,
                    tooltip="What the sample pictures show; {trigger} stands for the trigger.",
                ),
                io.Int.Input(
                    "seed",
                    default=290381,
                    min=0,
                    max=0x7FFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed, pictures and settings give the same LoRA on the same machine.",
                ),
                io.String.Input(
                    "caption",
                    default="a photo of {trigger}",
                    advanced=True,
                    tooltip="The caption of a picture that has no text file beside it; {trigger} stands for the "
                    "trigger.",
                ),
                io.Int.Input(
                    "resolution",
                    default=0,
                    min=0,
                    max=2048,
                    step=16,
                    advanced=True,
                    tooltip="Side of a square training picture in pixels; 0 for the preset's own.",
                ),
                io.Int.Input(
                    "rank",
                    default=0,
                    min=0,
                    max=128,
                    advanced=True,
                    tooltip="Size of the LoRA; 0 for the preset's own.",
                ),
                io.Float.Input(
                    "learning_rate",
                    display_name="Learning rate",
                    default=0.0,
                    min=0.0,
                    max=0.1,
                    step=0.00001,
                    round=False,
                    advanced=True,
                    tooltip="How much a step changes; 0 for the preset's own.",
                ),
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="Pictures of one person as a batch or a list, beside or instead of a folder.",
                ),
                io.String.Input(
                    "captions",
                    optional=True,
                    force_input=True,
                    tooltip="A caption for each picture of the images input, as Load Image-Text (from Folder) gives.",
                ),
                io.Model.Input(
                    "drawing_model",
                    display_name="Drawing model",
                    optional=True,
                    tooltip="The model without a training adapter, where `model` has one: samples are drawn with it, "
                    "and the LoRA goes into it.",
                ),
            ],
            outputs=[
                io.Model.Output("model", tooltip="The model with the LoRA in it, to draw portraits with."),
                io.String.Output("lora_name", tooltip="The LoRA's name as Load LoRA lists it."),
                io.String.Output("trigger", tooltip="The words that call the person up in a prompt."),
                io.Image.Output("samples", tooltip="What the prompt gave before, after each stage, and at the end."),
                io.Image.Output("loss_plot", tooltip="The loss of every step, and measured with fixed noise."),
                io.String.Output("report", tooltip="What was measured, and what was found in the pictures."),
            ],
        )

    @classmethod
    @override
    def fingerprint_inputs(cls, folder: list[str], **inputs: Any) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return state_of(folder[0])

    @classmethod
    @override
    def execute(cls, **inputs: Any) -> io.NodeOutput:
        import comfy.model_management

        from ...engines.identity.plan import save_pictures
        from ...engines.identity.training_set import worst_first
        from .graph import build_graph, restore_last

        pictures, plan = plan_training(inputs)
        job = plan.job(work_store())
        own = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)["inputs"]
        links = {name: own[name] for name in ("model", "clip", "vae")}
        links["drawing"] = own.get("drawing_model", own["model"])
        cpu = comfy.model_management.get_torch_device().type == "cpu"
        with job.locked():
            restore_last(plan, job)
            save_pictures(job, pictures)
            graph, (model, lora_name, *shown) = build_graph(plan, job, pictures.report(), links, cpu=cpu)
        notices: list[Notice] = [
            {"level": "warning", "text": str(found)}
            for found in worst_first(pictures.findings)
            if found.rating != "good"
        ]
        return output(model, lora_name, plan.trigger, *shown, notices=notices, expand=graph)


def plan_training(lists: dict[str, Any]) -> tuple[TrainingSet, Plan]:
    """The training set and the plan that the node's inputs, each of them a list, ask for.

    Raises:
        ValueError: An input can't be used; the message says which and why.
    """
    from ...engines.identity.lora import IdentityError, checked_name
    from ...engines.identity.plan import Plan
    from ...engines.identity.settings import settings_for, split_stages
    from ...engines.identity.training_set import TRIGGER, checked_trigger, prepare_training_set

    asked = {name: values[0] for name, values in lists.items() if name not in ("images", "captions")}
    if not asked["consent"]:
        raise IdentityError(
            "A face belongs to the person who has it. Switch `consent` on to state that you may use these pictures."
        )
    name, trigger = checked_name(asked["name"]), checked_trigger(asked["trigger"])
    model, clip, vae = asked["model"], asked["clip"], asked["vae"]
    base_model, family = file_of(model).name, family_of(model, asked["preset"])
    settings = settings_for(family, **{key: asked[key] for key in ("steps", "resolution", "rank", "learning_rate")})
    found, count = _pictures(asked["folder"], lists.get("images") or [], lists.get("captions") or [])
    pictures = prepare_training_set(
        found, count, settings, trigger=trigger, template=asked["caption"], on_step=progress_callback()
    )
    plan = Plan(
        name=name,
        trigger=trigger,
        family=family,
        base_model=base_model,
        origin=origin_of(model, clip.patcher, vae.patcher, asked.get("drawing_model") or model),
        prompt=" ".join(asked["sample_prompt"].replace(TRIGGER, trigger).split()),
        seed=asked["seed"],
        stages=split_stages(settings.steps, asked["sample_every"]),
        settings=settings,
        learned=(),
        held_out=(),
    )
    return pictures, plan.with_pictures(pictures)


def _pictures(folder: str, images: list[Any], captions: list[str]) -> tuple[Iterator[Picture | Unreadable], int]:
    """The pictures of the folder and then those of the images input, and how many they are."""
    from ...engines.identity.read import files_in, read_all
    from ...engines.identity.training_set import TrainingSetError

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


def _folders() -> list[str]:
    import folder_paths

    return folder_paths.get_input_subfolders()


def _families() -> list[str]:
    from ...engines.identity.settings import FAMILIES

    return list(FAMILIES)
