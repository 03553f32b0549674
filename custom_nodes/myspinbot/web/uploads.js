// A button under an input that names a folder of the server: it puts files of one's own into a new folder there and
// chooses it. The page's own buttons take one file each.
import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

const UPLOADS = {
  MySpinBotTrainIdentity: { label: "Upload pictures", accept: "image/*,.txt" },
  MySpinBotTrainVoice: { label: "Upload clips", accept: "audio/*,.txt" },
};

/** A folder that isn't there yet: the name in letters that every file system takes, and the time. */
function newFolder(name) {
  const letters = String(name).normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const plain = letters.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return `${plain || "upload"}-${time}`;
}

async function upload(file, folder) {
  const body = new FormData();
  body.append("image", file);
  body.append("type", "input");
  body.append("subfolder", folder);
  const answer = await api.fetchApi("/upload/image", { method: "POST", body });
  if (!answer.ok) throw new Error(`The server doesn't take ${file.name}: ${answer.status} ${answer.statusText}.`);
}

const unfinished = new WeakMap(); // node -> the folder of an upload that failed, for the next try

async function fill(node, files) {
  const input = (name) => node.widgets.find((widget) => widget.name === name);
  const choice = input("folder");
  const folder = unfinished.get(node) ?? newFolder(input("name")?.value ?? "");
  let done = 0;
  try {
    for (const file of files) {
      await upload(file, folder);
      done += 1;
    }
  } catch (error) {
    unfinished.set(node, folder);
    const detail = `${error.message} ${done} of ${files.length} files are in ${folder}; the next try goes on there.`;
    app.extensionManager.toast.add({ severity: "error", summary: node.title, detail });
    return;
  }
  unfinished.delete(node);
  choice.options.values = [...choice.options.values, folder];
  choice.value = folder;
  choice.callback?.(folder);
  const detail = `${files.length} files are in ComfyUI's input folder, in ${folder}.`;
  app.extensionManager.toast.add({ severity: "success", summary: node.title, detail, life: 6000 });
  app.canvas.setDirty(true, true);
}

app.registerExtension({
  name: "MySpinBot.Uploads",
  nodeCreated(node) {
    const { label, accept } = UPLOADS[node.comfyClass] ?? {};
    if (!label) return;
    const ask = () => {
      const dialog = document.createElement("input");
      Object.assign(dialog, { type: "file", multiple: true, accept });
      dialog.onchange = () => dialog.files.length && fill(node, [...dialog.files]);
      dialog.click();
    };
    // The last one, and not saved: the values in a file are told apart by their places.
    const button = node.addWidget("button", "upload", null, ask, { serialize: false });
    button.label = label;
    button.serialize = false;
  },
});
