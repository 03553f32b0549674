// Names the socket of a text that comes through a link. The page hides the text's box then, and draws no name instead.
import { app } from "/scripts/app.js";

function drawLabels(node, ctx) {
  if (node.flags.collapsed || app.canvas.low_quality) return;
  ctx.font = node.innerFontStyle;
  ctx.fillStyle = LiteGraph.NODE_TEXT_COLOR;
  ctx.textAlign = "left";
  node.inputs?.forEach((input, slot) => {
    const widget = input.link != null && node.widgets?.find(({ name }) => name === input.widget?.name);
    if (!widget?.element) return;
    const [x, y] = node.getInputPos(slot);
    ctx.fillText(widget.label || widget.name, x - node.pos[0] + 10, y - node.pos[1] + 5);
  });
}

app.registerExtension({
  name: "MySpinBot.Labels",
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith("MySpinBot")) return;
    const draw = node.onDrawForeground;
    node.onDrawForeground = function (ctx, ...rest) {
      draw?.call(this, ctx, ...rest);
      drawLabels(this, ctx);
    };
  },
});
