import { element, getJson, make, number, showProblem, start, time } from "/pages/session.js";

let cursor = null;

async function load() {
  const query = cursor ? `?cursor=${encodeURIComponent(cursor)}` : "";
  const page = await getJson(`/api/v1/runs${query}`);
  for (const run of page.data) {
    const row = make("tr");
    const name = make("td");
    const link = make("a", null, run.name);
    link.href = `/runs/${encodeURIComponent(run.id)}`;
    name.append(link);
    const status = make("td");
    status.append(make("span", `badge ${run.status}`, run.status));
    row.append(
      name,
      status,
      make("td", null, run.model),
      make("td", null, run.algorithm),
      make("td", null, run.total_steps ? `${number(run.step, 9)} of ${number(run.total_steps, 9)}` : number(run.step, 9)),
      make("td", null, time(run.created_at)));
    element("runs").append(row);
  }
  cursor = page.next_cursor;
  element("more").hidden = !page.has_more;
  element("runs-note").textContent = element("runs").childElementCount === 0 ? "No run has been submitted yet." : "";
}

element("more").addEventListener("click", () => load().catch(failure => showProblem(failure.message)));
start(load);
