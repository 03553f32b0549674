// Gives our templates titles and descriptions, the simple ones first. The page lists a pack's templates by the names
// of their files alone and in no order; templates of its own come with more, so ours join those as a category.
import { api } from "/scripts/api.js";

const [, pack] = new URL(import.meta.url).pathname.match(/\/extensions\/([^/]+)\//);
const described = () => fetch(new URL("./templates.json", import.meta.url)).then((answer) => answer.json());

/** What of ours the server has, in the order and with the words of templates.json. */
async function ours(names) {
  const templates = await described();
  return templates
    .filter(({ name }) => names.includes(name))
    .map((template) => ({ mediaType: "image", mediaSubtype: "jpg", ...template }));
}

const { getWorkflowTemplates, getCoreWorkflowTemplates } = api;
let templates = [];

api.getWorkflowTemplates = async function (...rest) {
  const packs = await getWorkflowTemplates.apply(this, rest);
  const names = packs[pack] ?? [];
  templates = await ours(names).catch(() => []);
  const plain = names.filter((name) => !templates.some((template) => template.name === name));
  return { ...packs, [pack]: plain };
};

api.getCoreWorkflowTemplates = async function (...rest) {
  const categories = await getCoreWorkflowTemplates.apply(this, rest);
  if (!templates.length) return categories;
  return [...categories, { moduleName: pack, title: "MySpinBot", type: "video", templates }];
};
