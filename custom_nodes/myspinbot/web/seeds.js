// A fresh node of ours keeps its seed from run to run; the page's own default draws a new one after each.
// Work that was stopped goes on only if what is queued is the same again, and so does all that it is made from.
// The schema's `io.ControlAfterGenerate.fixed` would do it too, but takes its word for the widget's name.
import { app } from "/scripts/app.js";

app.registerExtension({
  name: "MySpinBot.Seeds",
  nodeCreated(node) {
    // Before a saved node gets its own values back, so what a workflow says stays.
    if (!node.comfyClass?.startsWith("MySpinBot")) return;
    for (const widget of node.widgets ?? []) {
      if (widget.name === "control_after_generate") widget.value = "fixed";
    }
  },
});
