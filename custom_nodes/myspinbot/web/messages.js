// Says in the page what a run has to say: a node's ui output `notices`, a list of {level: "info" | "warning", text},
// and in App mode why a run failed. For notices the page has no way of its own; why a run failed it says in the graph's
// panel of errors alone, while the form says only "This node threw an error". A message belongs to the tab that its run
// was queued from, and is in view only while that tab is.
import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

const SEVERITY = { info: "info", warning: "warn", error: "error" };
const LIFE = { info: 12_000, warning: 60_000 }; // milliseconds in view; an error stays until it is closed
const LONGEST = 1500; // characters of an error
const LOOK_EVERY = 200; // milliseconds; the page tells nobody that another tab is shown

const jobs = new Map(); // a job's id -> {tab, titles, ours}, from queueing until it has ended
const submissions = new Set(); // the server may start a job, and tell of it, before it has answered with its id
let messages = []; // {tab, level, toast, since, left, style}
let count = 0;
let looking;

const activeTab = () => app.extensionManager.workflow?.activeWorkflow ?? null;
const graphInView = () => app.canvasEl.offsetParent !== null;
const belongsInView = ({ tab, level }) => tab === activeTab() && !(level === "error" && graphInView());

const BESIDE = "--myspinbot-beside-form";
const sheet = document.createElement("style");
sheet.textContent = `[class*="myspinbot-message-"] { position: relative; right: var(${BESIDE}, 0px); }`;
document.head.append(sheet);

/** In App mode a message stands beside the form, not over the field that it is about. */
function standBeside() {
  const panel = document.querySelector('[data-testid="linear-center-panel"]');
  const right = panel ? Math.max(0, window.innerWidth - panel.getBoundingClientRect().right) : 0;
  document.documentElement.style.setProperty(BESIDE, `${Math.round(right)}px`);
}

const queuePrompt = api.queuePrompt;
api.queuePrompt = async function (number, prompt, ...rest) {
  const tab = activeTab();
  const nodes = Object.entries(prompt?.output ?? {});
  const job = {
    tab,
    titles: Object.fromEntries(nodes.map(([id, node]) => [id, node._meta?.title])),
    ours: nodes.some(([, node]) => node.class_type?.startsWith("MySpinBot")),
  };
  const submission = queuePrompt.call(this, number, prompt, ...rest);
  submissions.add(submission);
  try {
    const answer = await submission;
    if (answer.prompt_id) jobs.set(answer.prompt_id, job);
    return answer;
  } catch (refused) {
    forget((message) => message.tab === tab && message.level !== "error"); // the page says why, where they are
    throw refused;
  } finally {
    submissions.delete(submission);
  }
};

/** The job that an event is about. One from before the page was loaded anew counts as the shown tab's. */
async function jobOf({ prompt_id }) {
  if (!jobs.has(prompt_id)) await Promise.allSettled(submissions);
  return jobs.get(prompt_id) ?? { tab: activeTab(), titles: {} };
}

/** Nodes that a node of the graph has made for its work are called `<its id>.<...>`. */
const titleOf = (job, id) => job.titles[String(id).split(".")[0]] ?? "MySpinBot";

function say(tab, level, summary, detail) {
  if (level === "error") forget((message) => message.tab === tab && message.level !== "error");
  const style = `myspinbot-message-${++count}`;
  const toast = { severity: SEVERITY[level], summary, detail, styleClass: style };
  messages.push({ tab, level, toast, style, left: LIFE[level], since: undefined });
  arrange();
  looking ??= setInterval(arrange, LOOK_EVERY);
}

function forget(which) {
  for (const message of messages.filter(which)) hide(message);
  messages = messages.filter((message) => !which(message));
}

function show(message) {
  message.since = Date.now();
  message.toast.life = message.left;
  delete message.toast.id; // the page gives each one that it adds an id
  app.extensionManager.toast.add(message.toast);
}

function hide(message) {
  if (message.since === undefined) return;
  app.extensionManager.toast.remove(message.toast);
  if (message.left !== undefined) message.left -= Date.now() - message.since;
  message.since = undefined;
}

/** Whether it was in view and isn't any more, because its time was up or because it was closed. */
function gone({ since, style, left }) {
  if (since === undefined) return left <= 0;
  return Date.now() - since > 2 * LOOK_EVERY && !document.querySelector(`.${style}`);
}

/** Brings in view what belongs there now, takes out of view what doesn't, and forgets what has gone. */
function arrange() {
  messages = messages.filter((message) => !gone(message));
  standBeside();
  for (const message of messages) {
    if (!belongsInView(message)) hide(message);
    else if (message.since === undefined) show(message);
  }
  if (messages.length || looking === undefined) return;
  clearInterval(looking);
  looking = undefined;
}

app.registerExtension({
  name: "MySpinBot.Messages",
  setup() {
    api.addEventListener("execution_start", async ({ detail }) => {
      const { tab } = await jobOf(detail);
      forget((message) => message.tab === tab);
    });
    api.addEventListener("executed", async ({ detail }) => {
      const notices = detail?.output?.notices;
      if (!Array.isArray(notices)) return;
      const job = await jobOf(detail);
      const title = titleOf(job, detail.display_node ?? detail.node);
      for (const { level, text } of notices) {
        if (level in LIFE) say(job.tab, level, title, text); // else another pack's
      }
    });
    api.addEventListener("execution_error", async ({ detail }) => {
      const job = await jobOf(detail);
      jobs.delete(detail.prompt_id);
      if (!(job.ours ?? detail.node_type?.startsWith("MySpinBot"))) return; // a run without a node of ours
      say(job.tab, "error", titleOf(job, detail.node_id), detail.exception_message.trim().slice(0, LONGEST));
    });
    for (const end of ["execution_success", "execution_interrupted"]) {
      api.addEventListener(end, async ({ detail }) => {
        await jobOf(detail);
        jobs.delete(detail.prompt_id);
      });
    }
  },
});
