// Builds random graphs in the real page. Called with {types, seed, count}; gives the saved file's content.
async ({types, seed, count}) => {
  let state = seed >>> 0;
  const random = () => {            // mulberry32: the same graphs in every run
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const pick = list => list[Math.floor(random() * list.length)];
  app.clean();
  const graph = app.rootGraph;
  const nodes = [];
  for (let i = 0; i < count; i++) {
    const node = LiteGraph.createNode(pick(types));
    if (!node) continue;
    node.pos = [300 * (i % 10), 300 * Math.floor(i / 10)];
    graph.add(node);
    nodes.push(node);
  }
  for (const node of nodes) {
    for (const widget of [...(node.widgets ?? [])]) {
      const values = widget.options?.values;
      if (widget.type === 'combo' && Array.isArray(values) && values.length) widget.value = pick(values);
      else if (widget.type === 'number') widget.value = Math.round((widget.options.min ?? 0) + random() * 8);
      else if (widget.type === 'toggle') widget.value = random() < 0.5;
      else if (widget.type === 'text' || widget.type === 'customtext') widget.value = pick(['', 'a b', 'ü 日本', '1']);
    }
  }
  for (let tries = 0; tries < count * 12; tries++) {
    const from = Math.floor(random() * nodes.length), to = Math.floor(random() * nodes.length);
    if (from >= to) continue;       // forwards only, so that there are no circles
    const source = nodes[from], target = nodes[to];
    if (!source.outputs?.length || !target.inputs?.length) continue;
    const out = Math.floor(random() * source.outputs.length), into = Math.floor(random() * target.inputs.length);
    const a = source.outputs[out].type, b = target.inputs[into].type;
    // The page itself fails on the first, and settles the second only after a race with the export.
    if (source.type === 'PrimitiveNode' && b === 'COMFY_DYNAMICCOMBO_V3') continue;
    if (source.type === 'PrimitiveNode' && target.type === 'Reroute') continue;
    if (target.inputs[into].link == null && LiteGraph.isValidConnection(a, b)) source.connect(out, target, into);
  }
  const frame = () => new Promise(done => requestAnimationFrame(done));
  await frame();
  for (const node of nodes) {
    const dice = random();
    if (dice < 0.1) node.mode = 2;
    else if (dice < 0.25) node.mode = 4;
    if (random() < 0.2) node.title = `Renamed ${node.id}`;
  }
  for (let groups = 0; groups < 2; groups++) {
    const loose = graph.nodes.filter(n => !['Reroute', 'PrimitiveNode'].includes(n.type));
    const start = Math.floor(random() * Math.max(1, loose.length - 4));
    const items = new Set(loose.slice(start, start + 4));
    if (random() < 0.7 && items.size) {
      try { graph.convertToSubgraph(items); } catch (e) { console.warn(String(e)); }
    }
  }
  await frame();
  return JSON.parse(JSON.stringify(graph.serialize()));
}
