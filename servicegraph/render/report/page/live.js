// @ts-check
// A live report listens to server-sent events and fetches each new version of the graph.

// listen connects to the server. It calls onGraph with each new fragment, and onStatus with a kind
// ("live", "problem" or "waiting") and a message. It returns a function of a flag: true pauses the
// updates, and false resumes them with the newest version.
export function listen(onGraph, onStatus) {
  let shown = null; // the version of the graph on the screen
  let loading = false, paused = false, next = null;
  const load = async () => {
    if (loading) return;
    loading = true;
    try {
      while (!paused && next !== null && next !== shown) {
        const wanted = next;
        const answer = await fetch("fragment", { cache: "no-store" });
        if (!answer.ok) throw new Error((await answer.text()).trim() || "status " + answer.status);
        const fragment = await answer.json();
        if (paused) break;
        onGraph(fragment);
        shown = wanted;
      }
    } catch (error) {
      onStatus("problem", error.message);
    } finally {
      loading = false;
    }
  };
  const events = new EventSource("events");
  events.onmessage = (event) => {
    onStatus("live", ""); // the server repeats a problem that persists after the version
    next = event.data;
    load();
  };
  for (const kind of ["problem", "waiting"]) {
    events.addEventListener(kind, (event) => onStatus(kind, event.data));
  }
  events.onopen = () => onStatus("live", "");
  events.onerror = () => onStatus("problem", "connection lost, trying again");
  return (pause) => {
    paused = pause;
    load();
  };
}

// sendCommand sends a command to the server. It throws an error with the server's answer if
// the server refuses. Pages of other sites cannot send the header.
export async function sendCommand(command) {
  const answer = await fetch("control", { method: "POST", headers: { "Tempograph-Control": "1", "Content-Type": "application/json" }, body: JSON.stringify(command) });
  if (!answer.ok) throw new Error((await answer.text()).trim() || "status " + answer.status);
}
