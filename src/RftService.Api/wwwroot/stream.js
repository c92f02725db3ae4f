// Server-sent events read with fetch: EventSource cannot send the Authorization header.

import { api } from "/pages/session.js";

const retryAfter = 2000;

// Calls receive(type, data) for every message until the server says that the run has ended. A lost connection is taken up again
// where it broke off.
export async function follow(path, receive, connectionChanged) {
  let lastId = null;
  for (;;) {
    try {
      const headers = { Accept: "text/event-stream" };
      if (lastId !== null) headers["Last-Event-ID"] = lastId;
      const response = await api(path, { headers });
      connectionChanged(true);
      if (response.status === 204) return;
      for await (const message of messages(response.body)) {
        if (message.id !== null) lastId = message.id;
        receive(message.type, JSON.parse(message.data));
      }
    } catch (failure) {
      if (failure.status >= 400 && failure.status < 500) throw failure;
    }
    connectionChanged(false);
    await new Promise(resolve => setTimeout(resolve, retryAfter));
  }
}

async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    let end;
    while ((end = text.indexOf("\n\n")) >= 0) {
      const message = parse(text.slice(0, end));
      text = text.slice(end + 2);
      if (message) yield message;
    }
  }
}

function parse(block) {
  let type = "message";
  let id = null;
  const data = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue; // A comment, which is the heartbeat.
    const field = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") type = value;
    else if (field === "id") id = value;
    else if (field === "data") data.push(value);
  }
  return data.length > 0 ? { type, id, data: data.join("\n") } : null;
}
