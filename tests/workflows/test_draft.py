"""The draft pipeline on a real server, through the runner."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from myspinbot_runner import Client
from myspinbot_runner.errors import Cancelled, NodeFailed
from myspinbot_runner.events import Progress
from tests.ollama import Ollama
from tests.runner.helpers import call, forget

from .clips import Clip, follows

ROOT = Path(__file__).resolve().parents[2]
DRAFT = ROOT / "workflows" / "draft.app.json"
MEDIA = ROOT / "tests" / "media"
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing answers there


def draft(client: Client, **inputs):
    """The draft workflow with its own inputs set by flag, and `node.input` by `node__input`."""
    workflow = client.open(DRAFT)
    workflow.set("2.host", NOBODY)
    for name, value in inputs.items():
        if "__" in name:
            workflow.set(name.replace("__", ".").lstrip("n"), value)
        else:
            client.set_inputs(workflow, {name.replace("_", "-"): str(value)})
    return workflow


def make(server, out: Path, **inputs) -> tuple[Path, list]:
    client = Client(server.url)
    job = client.submit(draft(client, **inputs))
    notices = [notice.text for notice in job.result().notices]
    (path,) = [path for path in job.save(out) if path.suffix == ".mp4"]
    return path, notices


def command(server, out: Path, *arguments: str) -> tuple[int, str, str]:
    return call("run", str(DRAFT), "--server", server.url, "--out", str(out), *arguments, timeout=240)


def failure(server, **inputs) -> str:
    client = Client(server.url)
    with pytest.raises(NodeFailed) as caught:
        client.submit(draft(client, **inputs)).result()
    return str(caught.value)


def test_the_command_line_makes_a_video_that_speaks(server, tmp_path):
    wanted = ["--topic", "Why is the sky blue?", "--portrait", str(MEDIA / "elderly_man.jpg"), "--length", "16"]
    wanted += ["--set", f"2.host={NOBODY}", "--set", "4.motion_scale=0"]
    status, told, errors = command(server, tmp_path / "out", *wanted)
    assert status == 0, told + errors
    assert "No Ollama answers" in told + errors
    (path,) = (tmp_path / "out").rglob("*.mp4")
    assert str(path) in told
    clip = Clip.read(path)
    assert clip.codecs == ("h264", "aac")
    assert clip.fps == 25
    assert clip.frames.shape[1:] == (512, 512)
    assert 10 < clip.sound_seconds < 24
    assert abs(clip.video_seconds - clip.sound_seconds) <= 1 / 25
    assert np.sqrt(np.mean(np.square(clip.sound))) > 0.02
    (face,) = json.loads((MEDIA / "faces.json").read_text())["elderly_man.jpg"]["faces"]
    (x0, y0), (x1, _), (_, chin) = face["mouth_left"], face["mouth_right"], face["chin"]
    opening = clip.mouth((int(x0), int(y0 - 8), int(x1), int((y0 + chin) / 2)))
    real, control = follows(opening, clip.loudness())
    assert real > 0.5
    assert real > control + 0.15


def test_the_workflow_is_inside_the_video(server, tmp_path):
    import av

    path, _ = make(server, tmp_path, length=3, size=256)
    with av.open(str(path)) as container:
        kept = json.loads(container.metadata["workflow"])
    assert {node["type"] for node in kept["nodes"]} >= {"MySpinBotScript", "MySpinBotDraftHead"}


def test_the_same_inputs_give_the_same_pictures_and_sound(server, tmp_path):
    one, _ = make(server, tmp_path / "a", length=4, size=256, topic="Bees")
    forget(server)
    two, _ = make(server, tmp_path / "b", length=4, size=256, topic="Bees")
    a, b = Clip.read(one), Clip.read(two)
    assert np.array_equal(a.frames, b.frames)
    assert np.array_equal(a.sound, b.sound)


def test_a_model_that_answers_writes_the_script(server, tmp_path):
    answer = json.dumps({"scene": "A beach.", "narration": "Waves are made by the wind."})
    with Ollama(answer) as ollama:
        client = Client(server.url)
        job = client.submit(draft(client, topic="waves", n2__host=ollama.host, model="tiny:1b"))
        result = job.result()
    assert "Waves are made by the wind." in [text for texts in result.texts.values() for text in texts]
    said = " ".join(notice.text for notice in result.notices)
    assert "models get mediapipe-face-landmarker" in said
    assert "A robot speaks English (America)." in said
    assert "models get kokoro-af-heart" in said
    assert "Ollama" not in said
    assert ollama.requests[0]["model"] == "tiny:1b"


def test_a_model_that_talks_nonsense_is_a_warning_not_a_failure(server, tmp_path):
    with Ollama("blue because blue") as ollama:
        _, notices = make(server, tmp_path, topic="colour", length=3, size=128, n2__host=ollama.host)
    assert any("template" in notice for notice in notices)


@pytest.mark.parametrize(
    ("name", "size", "mode"),
    [("alpha.png", (300, 401), "RGBA"), ("grey.png", (640, 480), "L"), ("wide.jpg", (900, 400), "RGB")],
)
def test_portraits_of_any_kind(server, tmp_path, name, size, mode):
    width, height = size
    side = min(size)
    face = Image.open(MEDIA / "bearded_man.jpg").resize((side, side))
    sheet = Image.new("RGB", size, (90, 110, 120)).convert(mode)
    if mode == "RGBA":
        sheet.putalpha(0)  # all but the face is transparent
    sheet.paste(face.convert(mode), ((width - side) // 2, (height - side) // 2))
    sheet.save(tmp_path / name)
    path, _ = make(server, tmp_path / "out", length=3, portrait=tmp_path / name)
    clip = Clip.read(path)
    scale = min(1, 512 / max(size))
    assert clip.frames.shape[1:] == (round(height * scale) // 2 * 2, round(width * scale) // 2 * 2)


def test_a_turned_phone_picture_stands_upright(server, tmp_path):
    turned = Image.open(MEDIA / "bearded_man.jpg").rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees clockwise to show"
    turned.save(tmp_path / "phone.jpg", exif=exif)
    path, _ = make(server, tmp_path / "out", length=3, size=256, portrait=tmp_path / "phone.jpg")
    first = Clip.read(path).frames[0].astype(float)
    upright = np.asarray(Image.open(MEDIA / "bearded_man.jpg").convert("L").resize((256, 256)), float)
    likeness = [np.corrcoef(np.rot90(first, turns).ravel(), upright.ravel())[0, 1] for turns in range(4)]
    assert likeness[0] > 0.9
    assert max(likeness[1:]) < 0.7


def test_the_largest_of_several_faces_speaks_and_that_is_said(server, tmp_path):
    _, notices = make(server, tmp_path, length=3, size=256, portrait=MEDIA / "three_faces.jpg")
    assert any("3 faces" in notice for notice in notices)


def test_a_portrait_without_a_face_fails_with_what_to_do(server):
    said = failure(server, portrait=MEDIA / "landscape.jpg")
    assert "No face was found" in said
    assert "Talking Head (Draft)" in said


def test_typed_points_help_where_no_face_is_found(server, tmp_path):
    path, _ = make(
        server,
        tmp_path,
        length=3,
        size=256,
        portrait=MEDIA / "landscape.jpg",
        n4__face_points="200,200 300,200 250,310",
    )
    assert len(Clip.read(path).frames) > 25


@pytest.mark.parametrize(
    ("inputs", "why"), [({"topic": "  "}, "topic is empty"), ({"n4__face_points": "1,2"}, "three points")]
)
def test_bad_inputs_fail_with_a_sentence(server, inputs, why):
    assert why in failure(server, **inputs)


def test_an_unreadable_picture_is_refused(server, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    assert "Portrait" in failure(server, portrait=tmp_path / "broken.png")


def test_empty_text_is_refused_and_silence_keeps_the_mouth_closed(server, tmp_path):
    client = Client(server.url)
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "myspinbot_portrait.jpg"}},
        "2": {"class_type": "EmptyAudio", "inputs": {"duration": 3.0, "sample_rate": 44100, "channels": 2}},
        "3": {
            "class_type": "MySpinBotDraftHead",
            "inputs": {"portrait": ["1", 0], "audio": ["2", 0], "size": 256, "motion_scale": 1.0, "seed": 1},
        },
        "4": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["3", 0], "filename_prefix": "silent", "format": "auto", "codec": "auto"},
        },
    }
    job = client.submit(graph)
    assert any("silent" in notice.text for notice in job.result().notices)
    (path,) = job.save(tmp_path)
    clip = Clip.read(path)
    assert len(clip.frames) == 75
    assert np.abs(clip.sound).max() < 1e-3
    say = {
        "1": {
            "class_type": "MySpinBotDraftSpeech",
            "inputs": {"text": " ", "language": "en-us", "voice": "default", "speed": 1.0, "pitch": 50},
        },
        "2": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "x"}},
    }
    with pytest.raises(NodeFailed, match="no text to speak"):
        client.submit(say).result()


def test_the_voice_follows_the_language_of_the_script(server):
    """With nothing but the script's language set; a voice of another language is taken as asked, and it is said."""
    brief = {"topic": "Bienen", "tone": "casual", "length": 5, "language": "Deutsch", "persona": "", "model": "none"}
    host = {"host": "http://127.0.0.1:9", "temperature": 0.4, "timeout": 1.0, "seed": 1}
    told = {"script_language": ["1", 3], "voice": "default", "speed": 1.0, "pitch": 50}

    def reading(language: str):
        graph = {
            "1": {"class_type": "MySpinBotScript", "inputs": brief | host},
            "2": {"class_type": "MySpinBotDraftSpeech", "inputs": {"text": ["1", 0], "language": language, **told}},
            "3": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
            "4": {"class_type": "PreviewAny", "inputs": {"source": ["2", 1]}},
        }
        return client.submit(graph).result()

    client = Client(server.url)
    heard, german, english = (reading(language) for language in ("auto", "de", "en-us"))
    assert heard.texts["3"][0].startswith("Hallo!")
    assert heard.texts["4"] == german.texts["4"] != english.texts["4"]
    remarks = [[notice.text for notice in one.notices if "reads it" in notice.text] for one in (heard, german, english)]
    assert remarks[:2] == [[], []]
    assert "English (America) reads it" in remarks[2][0]


def test_results_that_can_not_be_written_are_an_error_of_their_own(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    status, told, errors = command(server, tmp_path / "file", "--length", "3")
    assert status not in (0, 1)
    assert str(tmp_path / "file") in told + errors
    assert "Traceback" not in told + errors
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.slow
def test_the_example_portrait_is_offered_and_never_replaced(server, private_server, tmp_path):
    assert (Path(server.base_directory) / "input" / "myspinbot_portrait.jpg").is_file()
    mine = tmp_path / "server0" / "input"
    mine.mkdir(parents=True)
    shutil.copyfile(MEDIA / "elderly_man.jpg", mine / "myspinbot_portrait.jpg")
    private_server()
    assert (mine / "myspinbot_portrait.jpg").read_bytes() == (MEDIA / "elderly_man.jpg").read_bytes()
    assert [file.name for file in mine.glob("*.part")] == []


def speaking(text: str, **head) -> dict:
    """The draft stages in API form, saying `text`; `head` are further inputs of the talking head."""
    voice = {"language": "en-us", "voice": "default", "speed": 1.0, "pitch": 50}
    motion = {"portrait": ["1", 0], "audio": ["2", 0], "timings": ["2", 1], "size": 256, "motion_scale": 0.0, "seed": 1}
    save = {"video": ["3", 0], "filename_prefix": "speaking", "format": "auto", "codec": "auto"}
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "myspinbot_portrait.jpg"}},
        "2": {"class_type": "MySpinBotDraftSpeech", "inputs": {"text": text, **voice}},
        "3": {"class_type": "MySpinBotDraftHead", "inputs": {**motion, **head}},
        "4": {"class_type": "SaveVideo", "inputs": save},
    }


def test_landmarks_decide_where_the_mouth_is(server, tmp_path):
    """They are those of another picture, so that the mouth moves where the finder would never put it."""
    shutil.copyfile(MEDIA / "bearded_man.jpg", Path(server.base_directory) / "input" / "landmarks.jpg")
    graph = speaking("Open wide.", face_landmarks=["5", 0])
    graph["1"]["inputs"]["image"] = "landmarks.jpg"
    graph["5"] = {"class_type": "TestFaceLandmarks", "inputs": {"picture": "tilted_man.jpg"}}
    job = Client(server.url).submit(graph)
    job.result()
    (path,) = job.save(tmp_path)
    frames = Clip.read(path).frames.astype(np.float32)
    moving = frames.std(axis=0) > 10
    ys, xs = np.nonzero(moving)
    (face,) = json.loads((MEDIA / "faces.json").read_text())["tilted_man.jpg"]["faces"]
    mouth = np.asarray(face["mouth_centre"]) / 2
    assert abs(xs.mean() - mouth[0]) < 12
    assert abs(ys.mean() - mouth[1]) < 25


def test_a_cancel_ends_the_head_at_once_and_leaves_no_file(server):
    client = Client(server.url)
    temp = Path(server.base_directory) / "temp" / "myspinbot"
    before = set(temp.iterdir()) if temp.exists() else set()
    job = client.submit(speaking("This is a long speech that nobody will hear to its end. " * 40, size=512))
    shown = []
    with pytest.raises(Cancelled):
        for event in job.events():
            if isinstance(event, Progress) and "Head" in event.title:
                if not shown:
                    job.cancel()
                shown.append(event.value / event.total)
    assert shown[-1] < 0.5
    assert set(temp.iterdir()) <= before


def test_a_model_that_arrives_later_is_asked_and_until_then_every_run_warns(server):
    client = Client(server.url)
    ollama = Ollama(json.dumps({"scene": "A hive.", "narration": "Bees dance."}))

    def run(**inputs):
        result = client.submit(draft(client, topic="bees", n2__host=ollama.host, **inputs)).result()
        said = [notice.text for notice in result.notices if "Ollama" in notice.text]
        return [text for texts in result.texts.values() for text in texts], said

    for size in (256, 128):  # the second run changes the head alone
        _, notices = run(size=size)
        assert any("No Ollama answers" in notice for notice in notices)
    with ollama:
        for _ in range(2):
            texts, notices = run(size=128)
            assert "Bees dance." in texts
            assert notices == []
        assert len(ollama.requests) == 1, "what a model wrote comes from the cache"
