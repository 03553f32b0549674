// Shows what a node has to tell the user although nothing failed: its ui output `notices`,
// a list of {level: "info" | "warning", text}. The page has no way of its own for that.
import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

const SEVERITY = { info: "info", warning: "warn" };
const LIFE = { info: 12_000, warning: 60_000 }; // milliseconds; a warning may come in the middle of a long run
let shown = [];

app.registerExtension({
  name: "MySpinBot.Notices",
  setup() {
    api.addEventListener("execution_start", () => {
      shown.forEach((message) => app.extensionManager.toast.remove(message));
      shown = [];
    });
    api.addEventListener("executed", ({ detail }) => {
      const notices = detail?.output?.notices;
      for (const { level, text } of Array.isArray(notices) ? notices : []) {
        if (!(level in SEVERITY)) continue; // another pack's
        const id = String(detail.display_node ?? detail.node);
        const title = app.rootGraph?.getNodeById(id)?.title ?? "MySpinBot";
        const message = { severity: SEVERITY[level], summary: title, detail: text, life: LIFE[level] };
        app.extensionManager.toast.add(message);
        shown.push(message);
      }
    });
  },
});
