// @ts-check
// A live report listens to server-sent events and fetches each new version of the graph.

// listen connects to the server. It calls onGraph with each new fragment, and onStatus
// with a kind ("live", "problem" or "waiting") and a message.
export function listen(onGraph, onStatus) {
  let shown = null; // the version of the graph on the screen
  let loading = false, next = null;
  const load = async (version) => {
    next = version;
    if (loading) return;
    loading = true;
    try {
      while (next !== null && next !== shown) {
        const wanted = next;
        const answer = await fetch("fragment", { cache: "no-store" });
        if (!answer.ok) throw new Error((await answer.text()).trim() || "status " + answer.status);
        onGraph(await answer.json());
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
    load(event.data);
  };
  for (const kind of ["problem", "waiting"]) {
    events.addEventListener(kind, (event) => onStatus(kind, event.data));
  }
  events.onopen = () => onStatus("live", "");
  events.onerror = () => onStatus("problem", "connection lost, trying again");
}
