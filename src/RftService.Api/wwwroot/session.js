// The API key of this tab, and requests made with it. Everything shown goes through textContent: prompts, completions, names
// and messages are text that other people and the model wrote.

const storageName = "rft-api-key";

export function takeKeyFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    sessionStorage.setItem(storageName, given);
    // Out of the address bar and the history, so that a copied link does not carry the key.
    history.replaceState(null, "", location.pathname + location.search);
  }
}

export const hasKey = () => sessionStorage.getItem(storageName) !== null;

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function api(path, options = {}) {
  const response = await fetch(path, {
    ...options,
    headers: { ...options.headers, Authorization: `Bearer ${sessionStorage.getItem(storageName) ?? ""}` },
  });
  if (!response.ok) {
    let message = `${response.status} ${response.statusText}`;
    try {
      const problem = await response.json();
      message = problem.detail ?? problem.title ?? message;
    } catch {
      // Not every answer on the way is a problem document.
    }
    throw new ApiError(response.status, message);
  }
  return response;
}

export const getJson = async path => (await api(path)).json();

// Asks for the key when there is none or the server refuses it, then shows the content and runs the page.
export function start(open) {
  takeKeyFromAddress();
  const form = element("sign-in");
  const forget = element("forget");
  const attempt = async () => {
    showProblem(null);
    if (!hasKey()) {
      return ask();
    }
    form.hidden = true;
    forget.hidden = false;
    try {
      await open();
      element("content").hidden = false;
    } catch (failure) {
      if (failure.status === 401) {
        sessionStorage.removeItem(storageName);
        ask();
      }
      showProblem(failure.message);
    }
  };
  const ask = () => {
    form.hidden = false;
    forget.hidden = true;
    element("key").focus();
  };
  form.addEventListener("submit", submitted => {
    submitted.preventDefault();
    sessionStorage.setItem(storageName, element("key").value.trim());
    element("key").value = "";
    attempt();
  });
  forget.addEventListener("click", () => {
    sessionStorage.removeItem(storageName);
    location.reload();
  });
  attempt();
}

export const element = id => document.getElementById(id);

export function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

export function showProblem(message) {
  const box = element("problem");
  box.textContent = message ?? "";
  box.hidden = !message;
}

export const number = (value, digits = 3) =>
  value === null || value === undefined ? "–" : Number(value).toLocaleString("en", { maximumSignificantDigits: digits });

export const time = text => (text ? new Date(text).toLocaleString() : "–");

export function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${number(value)} ${units[unit]}`;
}
