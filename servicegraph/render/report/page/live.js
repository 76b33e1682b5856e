// A live page is told by its server when there is news, and shows it.

function listen(take, status) {
  let shown = null; // version
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
        take(await answer.json());
        shown = wanted;
      }
    } catch (error) {
      status("problem", error.message);
    } finally {
      loading = false;
    }
  };
  const events = new EventSource("events");
  events.onmessage = (event) => {
    status("live", ""); // a problem that is still there comes behind the version
    load(event.data);
  };
  for (const kind of ["problem", "waiting"]) {
    events.addEventListener(kind, (event) => status(kind, event.data));
  }
  events.onopen = () => status("live", "");
  events.onerror = () => status("problem", "connection lost, trying again");
}
