import { element, getJson, make, number } from "/pages/session.js";

const words = { not_measured: "not measured", fine: "fine", watch: "watch", problem: "problem" };
const looks = { not_measured: "badge", fine: "badge succeeded", watch: "badge warn", problem: "badge error" };

export async function showHealth(runPath) {
  const health = await getJson(`${runPath}/health`);
  const level = element("health-level");
  level.textContent = words[health.level] ?? health.level;
  level.className = looks[health.level] ?? "badge";
  const worstFirst = ["problem", "watch", "fine"];
  const measured = health.verdicts
    .filter(verdict => verdict.level !== "not_measured")
    .sort((one, other) => worstFirst.indexOf(one.level) - worstFirst.indexOf(other.level));
  element("health").replaceChildren(...measured.map(line));
  element("health-note").textContent = measured.length === 0
    ? "Nothing is measured yet."
    : `After step ${number(health.step, 9)}.`;
}

function line(verdict) {
  const row = make("tr");
  const badge = make("td");
  badge.append(make("span", looks[verdict.level] ?? "badge", words[verdict.level] ?? verdict.level));
  row.append(badge, make("td", null, verdict.condition.replaceAll("_", " ")), make("td", null, verdict.message));
  return row;
}
