import { addPoint, dropAfter } from "/pages/charts.js";
import { element, api, duration, getJson, make, number, showProblem, start, time } from "/pages/session.js";
import { showCheckpoints } from "/pages/checkpoints.js";
import { showHealth } from "/pages/health.js";
import { showRollouts } from "/pages/rollouts.js";
import { follow } from "/pages/stream.js";

const id = location.pathname.split("/").pop();
const path = `/api/v1/runs/${encodeURIComponent(id)}`;
const maxEvents = 1000;

let estimate = null; // when the run should end, by the last status
let refreshing = false;

function showHead(run) {
  document.title = `${run.name} – run`;
  element("name").textContent = run.name;
  element("facts").textContent = [
    run.id,
    `model ${run.model}`,
    `algorithm ${run.recipe.algorithm.type}`,
    `submitted ${time(run.created_at)}`,
  ].join("  ·  ");
}

function showStatus(status) {
  const badge = element("status");
  const wish = status.cancel_requested ? ", cancel requested" : status.pause_requested ? ", pause requested" : "";
  badge.textContent = status.status === "running" ? `running${wish}` : status.status;
  badge.className = `badge ${status.status}`;
  element("progress").value = status.progress;
  const over = status.finished_at !== null || status.cancel_requested;
  const rests = status.status === "paused" || status.pause_requested;
  element("cancel").hidden = over;
  element("pause").hidden = over || rests;
  element("resume").hidden = over || !rests;
  estimate = status.eta_seconds === null ? null : Date.now() + status.eta_seconds * 1000;
  const steps = status.total_steps ? `step ${number(status.step, 9)} of ${number(status.total_steps, 9)}` : `step ${number(status.step, 9)}`;
  element("progress-text").dataset.steps = `${steps}${status.attempt > 1 ? `, attempt ${status.attempt}` : ""}`;
  element("progress-text").dataset.queue = status.queue_position ?? "";
  tick();
  const failure = element("failure");
  failure.hidden = !status.failure;
  failure.textContent = status.failure
    ? `${status.failure.code} while ${status.failure.stage}: ${status.failure.message}\n${status.failure.remedy}`
    : "";
}

function tick() {
  const text = element("progress-text");
  const left = estimate === null ? "" : `, about ${duration(Math.max(1, (estimate - Date.now()) / 1000))} left`;
  text.textContent = text.dataset.queue ? `number ${text.dataset.queue} in the queue` : `${text.dataset.steps ?? ""}${left}`;
}

function showEvent(event) {
  const line = make("li");
  line.append(
    make("span", "quiet", time(event.at)),
    make("span", null),
    make("span", "quiet", event.step === null || event.step === undefined ? "" : `step ${event.step}`),
    make("span", null, event.message));
  line.children[1].append(make("span", `badge ${event.level}`, event.level));
  const list = element("events");
  list.prepend(line);
  while (list.childElementCount > maxEvents) list.lastElementChild.remove();
}

// Rollouts and checkpoints are fetched, at most every three seconds, when the stream says that something happened.
function refreshSoon() {
  if (refreshing) return;
  refreshing = true;
  setTimeout(() => {
    refreshing = false;
    refresh();
  }, 3000);
}

// One that fails takes nothing else with it.
function refresh() {
  for (const show of [showHealth, showRollouts, showCheckpoints]) {
    show(path).catch(failure => showProblem(failure.message));
  }
}

let attempt = null;
function receive(type, data) {
  if (type === "status") {
    if (attempt !== null && data.attempt !== attempt) dropAfter(data.step);
    attempt = data.attempt;
    showStatus(data);
  } else if (type === "metrics") {
    addPoint(data);
  } else if (type === "event") {
    showEvent(data);
  }
  refreshSoon();
}

function onClick(verb, question) {
  element(verb).addEventListener("click", async () => {
    if (question && !confirm(question)) return;
    try {
      const answer = await api(`${path}/${verb}`, { method: "POST" });
      showStatus(await answer.json());
    } catch (failure) {
      showProblem(failure.message);
    }
  });
}

onClick("cancel", "Cancel this run? Its checkpoints stay.");
onClick("pause");
onClick("resume");

setInterval(tick, 1000);

start(async () => {
  const run = await getJson(path);
  element("content").hidden = false; // the charts measure their room
  showHead(run);
  showStatus(run);
  refresh();
  follow(`${path}/stream`, receive, connected => {
    element("progress").classList.toggle("offline", !connected);
  }).catch(failure => showProblem(failure.message));
});
