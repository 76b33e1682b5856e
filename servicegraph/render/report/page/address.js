// The state of the report is in the fragment of the URL, so that a link shows what the
// sender saw, and the browser's Back button restores the previous state.

// fields maps the keys of the fragment to the fields of the state.
const fields = { q: "query", node: "node", edge: "edge", way: "direction", errors: "errorsOnly", least: "minCalls", sort: "sort", tab: "tab", theme: "theme", at: "at" };

// blank returns the state of an empty fragment.
const blank = () => ({ query: "", node: "", edge: "", direction: "all", errorsOnly: "", minCalls: "", sort: "", tab: "", theme: "", at: "" });

// readAddress returns the state in the URL. Unknown and malformed parts are ignored.
function readAddress() {
  const state = blank();
  for (const part of location.hash.slice(1).split("&")) {
    const [key, value = ""] = part.split("=", 2);
    if (!(key in fields)) continue;
    try {
      state[fields[key]] = decodeURIComponent(value);
    } catch {
      // a truncated link
    }
  }
  return state;
}

// writeAddress writes a state to the URL: as a new entry of the browser history if step
// is true, otherwise in place of the current entry.
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
    // Frames may be forbidden to change the history, and browsers limit the rate of
    // changes. The report also works without the history.
  }
}
