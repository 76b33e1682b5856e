// The state of the page in the fragment of its address, so that a link leads to what
// its sender sees, and the browser's Back to what was before.

const fields = { q: "query", node: "node", edge: "edge", way: "direction", errors: "errorsOnly", least: "least", sort: "sort", tab: "tab", theme: "theme", at: "at" };

// blank is the state that an empty fragment stands for.
const blank = () => ({ query: "", node: "", edge: "", direction: "all", errorsOnly: "", least: "", sort: "", tab: "", theme: "", at: "" });

function readAddress() {
  const state = blank();
  for (const part of location.hash.slice(1).split("&")) {
    const [key, value = ""] = part.split("=", 2);
    if (!(key in fields)) continue;
    try {
      state[fields[key]] = decodeURIComponent(value);
    } catch {
      // not ours: somebody cut the link
    }
  }
  return state;
}

// writeAddress puts a state into the address: as a step that Back undoes, or in
// place of the last one.
function writeAddress(state, step) {
  const empty = blank();
  const hash = Object.entries(fields)
    .filter(([, field]) => state[field] !== empty[field])
    .map(([key, field]) => key + "=" + encodeURIComponent(state[field]).replace(/%(3A|2F|2C|2B)/g, decodeURIComponent))
    .join("&");
  if (hash === location.hash.slice(1)) return;
  try {
    history[step ? "pushState" : "replaceState"](null, "", "#" + hash);
  } catch {
    // a frame that is not allowed to, or too many changes in a short time: the page works without
  }
}
