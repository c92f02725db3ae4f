import { element, api, getJson, make, number, showProblem, size, time } from "/pages/session.js";

let shown = "";

export async function showCheckpoints(runPath) {
  const page = await getJson(`${runPath}/checkpoints`);
  const ids = page.data.map(checkpoint => checkpoint.id).join(" ");
  if (ids === shown) return;
  shown = ids;
  element("checkpoints").replaceChildren(...page.data.map(line));
  element("checkpoints-note").textContent = page.data.length === 0 ? "No checkpoint yet." : "";
}

function line(checkpoint) {
  const row = make("tr");
  const button = make("button", null, "Download");
  button.type = "button";
  button.addEventListener("click", () => download(checkpoint, button));
  const last = make("td");
  last.append(button);
  row.append(
    make("td", null, number(checkpoint.step, 9)),
    make("td", null, checkpoint.is_adapter ? "adapter" : "whole model"),
    make("td", null, size(checkpoint.bytes)),
    make("td", null, time(checkpoint.created_at)),
    make("td", "hash", checkpoint.sha256.slice(0, 16)),
    last);
  return row;
}

// A plain link cannot send the Authorization header.
async function download(checkpoint, button) {
  button.disabled = true;
  try {
    const response = await api(`/api/v1/checkpoints/${encodeURIComponent(checkpoint.id)}/archive`);
    const link = make("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = `${checkpoint.id}-step-${checkpoint.step}.tar`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (failure) {
    showProblem(failure.message);
  } finally {
    button.disabled = false;
  }
}
