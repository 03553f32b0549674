// Shows what a node has to tell the user although nothing failed: its ui output `notices`,
// a list of {level: "info" | "warning", text}. The page has no way of its own for that.
import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

const SEVERITY = { info: "info", warning: "warn" };

app.registerExtension({
  name: "MySpinBot.Notices",
  setup() {
    api.addEventListener("executed", ({ detail }) => {
      for (const { level, text } of detail?.output?.notices ?? []) {
        const id = String(detail.display_node ?? detail.node);
        const title = app.rootGraph?.getNodeById(id)?.title ?? "MySpinBot";
        app.extensionManager.toast.add({
          severity: SEVERITY[level] ?? "info",
          summary: title,
          detail: text,
          life: 12000,
        });
      }
    });
  },
});
