import { element, getJson, make, number, showProblem } from "/pages/session.js";

let path = null;
let cursor = null;
let shownStep = null;

// Shows the chosen step, or the newest one that has rollouts.
export async function showRollouts(runPath) {
  path = runPath;
  const chosen = element("rollout-step").value;
  const evaluation = element("rollout-evaluation").checked;
  const query = new URLSearchParams({ limit: "20", evaluation: String(evaluation) });
  if (chosen === "") {
    query.set("latest", "true");
  } else {
    query.set("step", chosen);
  }
  const page = await getJson(`${path}/rollouts?${query}`);
  const step = page.data[0]?.step ?? null;
  const key = `${step} ${evaluation}`;
  if (key === shownStep && page.data.length > 0) return; // nothing new: leave what is being read
  shownStep = key;
  element("rollouts").replaceChildren();
  element("rollouts-note").textContent = step === null
    ? "No rollouts here yet."
    : `${evaluation ? "Evaluation after" : "Training,"} step ${step}`;
  append(page);
}

function append(page) {
  for (const rollout of page.data) element("rollouts").append(card(rollout));
  cursor = page.next_cursor;
  element("more-rollouts").hidden = !page.has_more;
}

function card(rollout) {
  const box = make("article", "rollout");
  const value = rollout.reward ?? null;
  const badge = rollout.error_code ? ["badge error", rollout.error_code] : ["badge", value === null ? "no opinion" : `reward ${number(value)}`];
  const facts = [`row ${rollout.row}`, `sample ${rollout.sample}`, `${rollout.tokens} tokens`, `stop: ${rollout.stop_reason}`];
  if (rollout.advantage !== null && rollout.advantage !== undefined) facts.push(`advantage ${number(rollout.advantage)}`);
  if (rollout.policy_versions) facts.push(`policy of step ${rollout.policy_versions.map(stretch => stretch.steps).join(", ")}`);
  for (const [name, part] of Object.entries(rollout.parts ?? {})) facts.push(`${name} ${number(part)}`);
  const list = make("dl");
  for (const [term, text] of [["Prompt", rollout.prompt], ["Completion", rollout.completion], ["Reason", rollout.reason]]) {
    if (text) list.append(make("dt", null, term), make("dd", null, text));
  }
  box.append(make("span", ...badge), make("span", "facts", facts.join("  ·  ")), list);
  return box;
}

element("rollout-filter").addEventListener("submit", submitted => {
  submitted.preventDefault();
  shownStep = null;
  showRollouts(path).catch(failure => showProblem(failure.message));
});

element("more-rollouts").addEventListener("click", async () => {
  try {
    const [step, evaluation] = shownStep.split(" ");
    append(await getJson(`${path}/rollouts?${new URLSearchParams({ limit: "20", step, evaluation, cursor })}`));
  } catch (failure) {
    showProblem(failure.message);
  }
});
